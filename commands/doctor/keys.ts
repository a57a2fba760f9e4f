import type { DerivedKey } from '../../domain/keys/master-key.ts'
import { type KeyRules, planUpkeep, scheduleAt } from '../../domain/keys/schedule.ts'
import { isAltered, openKey, unopened } from '../../domain/keys/signing-key.ts'
import type { SigningKey } from '../../domain/model/signing-key.ts'
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
        'Set AUTH_MASTER_KEY, or AUTH_MASTER_KEY_PREVIOUS, to the one that this database was used with. ' +
          'A key that no instance of yours made was written by somebody else: gatehouse keys revoke.'
      )
    ]
  }
  const altered = keys.filter((key) => isAltered(key, openKey(key, wrapKeys))).map(({ kid }) => kid)
  if (altered.length > 0) {
    return [
      error(
        `Signing key ${altered.join(', ')} was altered in the database; Gatehouse goes by its sealed private half`,
        'Find out who can write to the database, and revoke the key: gatehouse keys revoke.'
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
