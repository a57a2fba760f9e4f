import {
  deriveKeys,
  MasterKeyError,
  masterKeyPath,
  masterKeyWarnings,
  readMasterKey
} from '../../domain/keys/master-key.ts'
import { type KeyRules, scheduleAt } from '../../domain/keys/schedule.ts'
import type { SigningKey } from '../../domain/model/store.ts'
import type { Config } from '../../domain/settings/config.ts'
import { error, type Finding, ok, warning } from './finding.ts'
import { keyFindings } from './keys.ts'
import type { DatabaseLook } from './look-at-database.ts'

/** The master key, and what it is to open. */
export async function lookAtKeys({ known }: DatabaseLook, config: Config): Promise<Finding[]> {
  const keys = (await known)?.signingKeys ?? []
  try {
    const masterKey = readMasterKey(config.AUTH_MASTER_KEY, config.AUTH_DATA_DIR)
    const warnings = masterKeyWarnings(config.AUTH_MASTER_KEY, config.AUTH_DATA_DIR)
    return [
      ...warnings.map((each) =>
        warning(each, 'Run chmod 600 on it; fsGroup of Kubernetes opens it again at each start.')
      ),
      ...keyFindings(keys, wrapKeysOf(masterKey, config), rulesOf(config), Date.now())
    ]
  } catch (thrown) {
    return [whyUnreadable(thrown, keys, masterKeyPath(config.AUTH_DATA_DIR))]
  }
}

/** The key that signs; undefined where none is known. */
export async function activeKid({ known }: DatabaseLook): Promise<string | undefined> {
  return scheduleAt((await known)?.signingKeys ?? [], Date.now())?.active.kid
}

function wrapKeysOf(masterKey: Buffer, { AUTH_MASTER_KEY_PREVIOUS: previous }: Config) {
  return deriveKeys(masterKey, previous ? Buffer.from(previous, 'base64url') : undefined).signingKeyWrap
}

function rulesOf({ AUTH_JWT_ALG, AUTH_KEY_ROTATION }: Config): KeyRules {
  return { algorithm: AUTH_JWT_ALG, rotation: AUTH_KEY_ROTATION }
}

function whyUnreadable(thrown: unknown, keys: SigningKey[], path: string): Finding {
  const { code, message } = thrown as NodeJS.ErrnoException
  if (code === 'ENOENT' && keys.length === 0)
    return ok('There is no master key yet: the first start makes one')
  if (code === 'ENOENT') {
    return error(
      `There is no master key at ${path}: nobody can sign in`,
      'Put the one that this database was used with there, or into AUTH_MASTER_KEY.'
    )
  }
  if (thrown instanceof MasterKeyError)
    return error(message, `Mend ${path}: 0600, and as the first start made it.`)
  return error(`${path} cannot be read (${code})`, 'Give it to the user that runs Gatehouse: chown.')
}
