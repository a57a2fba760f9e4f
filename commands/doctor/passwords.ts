import type { Config } from '../../domain/settings/config.ts'
import type { Check } from './checkup.ts'
import { type Finding, ok } from './finding.ts'

/** Characters of a password that is the only factor (NIST SP 800-63B-4 §3.1.1.1). */
const RECOMMENDED_LENGTH = 15

/** Checks the least length of passwords. */
export function passwordsCheck(config: Config): Check {
  return {
    name: 'passwords',
    needs: ['AUTH_PASSWORD_MIN_LENGTH'],
    look: () => passwordFindings(config),
    advice: 'Correct AUTH_PASSWORD_MIN_LENGTH.'
  }
}

/** Judges the least length: a shorter one than recommended is no warning, but comes with advice. */
export function passwordFindings({ AUTH_PASSWORD_MIN_LENGTH: length }: Config): Finding[] {
  const finding = ok(`Passwords have ${length} characters or more`)
  if (length >= RECOMMENDED_LENGTH) return [finding]
  const advice = `NIST SP 800-63B-4 asks for ${RECOMMENDED_LENGTH} if there is no second factor: set AUTH_PASSWORD_MIN_LENGTH=${RECOMMENDED_LENGTH}.`
  return [{ ...finding, advice }]
}
