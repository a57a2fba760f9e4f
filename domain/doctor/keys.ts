import { createPublicKey } from 'node:crypto'
import { judgePublicKey, LEAST_RSA_BITS } from '../../verifier/public-key.ts'
import { type KeyRules, planUpkeep, scheduleAt } from '../key-schedule.ts'
import type { DerivedKey } from '../master-key.ts'
import { isAltered, type OpenedKey, openKey, unopened } from '../signing-key.ts'
import type { SigningKey } from '../store.ts'
import { error, type Finding, ok, warning } from './finding.ts'

/** Whether the master key in force opens the signing keys, whether they are what they were made as, and whether one is due. */
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
        'Set AUTH_MASTER_KEY, or AUTH_MASTER_KEY_PREVIOUS, to the one that this database was used with.'
      )
    ]
  }
  const faults = keys.flatMap((key) => faultsOf(key, openKey(key, wrapKeys)))
  if (faults.length > 0) return faults
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

function faultsOf(key: SigningKey, opened: OpenedKey): Finding[] {
  const altered = error(
    `Signing key ${key.kid} was altered in the database; Gatehouse goes by the sealed private half`,
    'Find out who can write to the database, and revoke the key: gatehouse keys revoke.'
  )
  return [...(isAltered(key, opened) ? [altered] : []), ...weaknessOf(opened)]
}

// A key from before weak ones were refused.
function weaknessOf({ kid, publicPem }: OpenedKey): Finding[] {
  try {
    judgePublicKey(createPublicKey(publicPem), LEAST_RSA_BITS)
    return []
  } catch (thrown) {
    const { message } = thrown as Error
    return [error(`Verifiers refuse signing key ${kid}. ${message}`, 'Let the next one sign: gatehouse keys rotate.')]
  }
}
