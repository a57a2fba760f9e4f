import { createHash } from 'node:crypto'
import { normalisePassword } from './hasher.ts'

/** Length of the beginning of a hash that leaves Gatehouse: about a thousand known passwords share each (k-anonymity). */
const PREFIX_LENGTH = 5
const ENTRY = /^([0-9A-F]{35}):(\d+)$/i

/** Returns the entries of all hashes that begin so, as text: `SUFFIX:COUNT` on each line. Rejects if it cannot. */
export type FindRange = (prefix: string) => Promise<string>

/** Results of a check. `unknown`: the range was not to be had. */
export const breachOutcomes = ['clean', 'breached', 'unknown'] as const

export type BreachOutcome = (typeof breachOutcomes)[number]

/** Says whether a password is known from a breach. */
export type IsBreached = (password: string) => Promise<boolean>

/** Creates a check against known passwords. If the range is not to be had, the password passes. */
export function createBreachCheck({
  findRange,
  onOutcome,
  onFailure
}: {
  findRange: FindRange
  onOutcome: (outcome: BreachOutcome) => void
  onFailure: (error: unknown) => void
}): IsBreached {
  return async (password) => {
    const hash = createHash('sha1').update(normalisePassword(password)).digest('hex').toUpperCase()
    try {
      const range = await findRange(hash.slice(0, PREFIX_LENGTH))
      const isKnown = countIn(range, hash.slice(PREFIX_LENGTH)) > 0
      onOutcome(isKnown ? 'breached' : 'clean')
      return isKnown
    } catch (error) {
      onOutcome('unknown')
      onFailure(error)
      return false
    }
  }
}

// An entry that hides the length of the range (padding) has the count 0.
function countIn(range: string, suffix: string): number {
  let count = 0
  for (const line of range.split(/\r?\n/).filter((line) => line !== '')) {
    const [, each, times] = ENTRY.exec(line) ?? []
    if (each === undefined) throw new Error('the answer is not a list of hashes and counts')
    if (each.toUpperCase() === suffix) count = Number(times)
  }
  return count
}
