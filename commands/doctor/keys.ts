import {
  type DerivedKey,
  keysOf,
  MasterKeyError,
  masterKeyPath,
  masterKeyWarnings,
  readMasterKey
} from '../../domain/keys/master-key.ts'
import { type KeyRules, planUpkeep, scheduleAt } from '../../domain/keys/schedule.ts'
import { isAltered, openKey, unopened } from '../../domain/keys/signing-key.ts'
import type { SigningKey } from '../../domain/model/signing-key.ts'
import type { Config } from '../../domain/settings/config.ts'
import { type Check, GIVE } from './checkup.ts'
import { DATABASE_SETTINGS, type DatabaseReading } from './database.ts'
import { error, type Finding, ok, warning } from './finding.ts'

const KEY_SETTINGS = ['AUTH_MASTER_KEY', 'AUTH_MASTER_KEY_PREVIOUS', 'AUTH_JWT_ALG', 'AUTH_KEY_ROTATION']

/** Checks the master key, and the signing keys that it must open. */
export function keysCheck(database: DatabaseReading, config: Config): Check {
  return {
    name: 'keys',
    needs: [...DATABASE_SETTINGS, ...KEY_SETTINGS],
    look: () => lookAtKeys(database, config),
    advice: 'Look at the master key.'
  }
}

async function lookAtKeys({ stateIfReachable }: DatabaseReading, config: Config): Promise<Finding[]> {
  const keys = (await stateIfReachable)?.signingKeys ?? []
  try {
    const masterKey = readMasterKey(config.AUTH_MASTER_KEY, config.AUTH_DATA_DIR)
    const warnings = masterKeyWarnings(config.AUTH_MASTER_KEY, config.AUTH_DATA_DIR)
    return [
      ...warnings.map((each) =>
        warning(each, 'Run chmod 600 on it; fsGroup of Kubernetes opens it again at each start.')
      ),
      ...keyFindings(keys, keysOf(masterKey, config).signingKeyWrap, rulesOf(config), Date.now())
    ]
  } catch (thrown) {
    return [whyUnreadable(thrown, keys, masterKeyPath(config.AUTH_DATA_DIR))]
  }
}

/** Returns the id of the key that signs; undefined if the database cannot be reached, or has no key. */
export async function activeKid({ stateIfReachable }: DatabaseReading): Promise<string | undefined> {
  return scheduleAt((await stateIfReachable)?.signingKeys ?? [], Date.now())?.active.kid
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
      `There is no master key at ${path}: no user can sign in`,
      'Put the master key of this database there, or into AUTH_MASTER_KEY.'
    )
  }
  if (thrown instanceof MasterKeyError)
    return error(message, `Restore ${path} as the first start made it, and run chmod 600 on it.`)
  return error(`${path} cannot be read (${code})`, GIVE)
}

/** Judges whether the master key opens the signing keys, whether one was altered, and whether the next one is due. */
export function keyFindings(
  keys: SigningKey[],
  wrapKeys: DerivedKey,
  rules: KeyRules,
  now: number
): Finding[] {
  const active = scheduleAt(keys, now)?.active
  if (!active) return [ok('The master key can be read')]
  const closed = unopened(keys, wrapKeys).map(({ kid }) => kid)
  if (closed.length > 0) {
    return [
      error(
        `The master key does not open ${closed.length === keys.length ? 'the signing keys' : `signing key ${closed.join(', ')}`}`,
        'Set AUTH_MASTER_KEY, or AUTH_MASTER_KEY_PREVIOUS, to the one that this database was used with. ' +
          'A key that none of your instances made was written by an intruder: ./gatehouse keys revoke.'
      )
    ]
  }
  const altered = keys.filter((key) => isAltered(key, openKey(key, wrapKeys))).map(({ kid }) => kid)
  if (altered.length > 0) {
    return [
      error(
        `Signing key ${altered.join(', ')} was altered in the database; Gatehouse goes by its sealed private half`,
        'Find out who can write to the database, and revoke the key: ./gatehouse keys revoke.'
      )
    ]
  }
  if (planUpkeep(keys, rules, now).create.length > 0) {
    return [
      warning(
        'The next signing key is due',
        'Start Gatehouse, which makes it by itself; if it runs, look for “could not rotate the signing keys” in its log.'
      )
    ]
  }
  return [ok(`The master key opens all signing keys; ${active.kid} signs`)]
}
