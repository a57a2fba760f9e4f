import { type FieldError, Problem } from '../errors.ts'
import type { IsBreached } from './breaches.ts'
import { commonWords } from './common-words.ts'
import { normalisePassword } from './hasher.ts'
import { strengthOf } from './strength.ts'

const MAX_LENGTH = 128
// Guesses, as a power of two: about 10^9. The limits on tries put so many out of reach.
const LEAST_STRENGTH = 30

const BREACHED = {
  code: 'breached',
  detail: 'This password is known from a data breach: never use it again, here or elsewhere.'
}

/** Words of an account, which are among the first guesses at its password. */
export interface PasswordContext {
  email: string
  name?: string | null | undefined
}

export type PasswordPolicy = (password: string, context: PasswordContext, pointer: string) => Promise<void>

/**
 * Creates the policy of NIST SP 800-63B-4 §3.1.1: length in code points, any characters, no composition rules. It refuses
 * common passwords, and guessable ones made of common words, patterns, or the account's or the service's words. Then it
 * asks `isBreached`, if there is one. The policy throws a Problem `weak_password`.
 */
export function createPasswordPolicy(
  minLength: number,
  serviceWords: string[],
  isBreached?: IsBreached
): PasswordPolicy {
  return async function checkPassword(password, context, pointer) {
    const reasons = weaknesses(normalisePassword(password), minLength, [...serviceWords, ...wordsOf(context)])
    if (reasons.length === 0 && (await isBreached?.(password))) reasons.push(BREACHED)
    if (reasons.length === 0) return
    throw new Problem('weak_password', { errors: reasons.map((reason) => ({ pointer, ...reason })) })
  }
}

function weaknesses(
  password: string,
  minLength: number,
  words: string[]
): Array<Omit<FieldError, 'pointer'>> {
  const length = [...password].length
  if (length < minLength) return [{ code: 'too_short', detail: `Use ${minLength} characters or more.` }]
  if (length > MAX_LENGTH) return [{ code: 'too_long', detail: `Use ${MAX_LENGTH} characters or fewer.` }]
  if (commonWords().passwords.has(password.toLowerCase())) {
    return [{ code: 'too_common', detail: 'This password is among the first that are tried.' }]
  }
  if (strengthOf(password, words, LEAST_STRENGTH) < LEAST_STRENGTH) {
    return [
      {
        code: 'too_guessable',
        detail: 'This password is easy to guess. A few unrelated words make a good one.'
      }
    ]
  }
  return []
}

function wordsOf({ email, name }: PasswordContext): string[] {
  const [local = '', domain = ''] = email.split('@')
  return [email, local, ...local.split(/[^\p{L}\p{N}]+/u), ...domain.split('.'), ...(name ?? '').split(/\s+/)]
    .map((word) => word.toLowerCase())
    .filter((word) => word.length >= 3)
}
