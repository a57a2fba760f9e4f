import type { Config } from '../../domain/settings/config.ts'
import { type Finding, ok } from './finding.ts'

/** NIST SP 800-63B-4 §3.1.1.1: of a password that is the only factor. */
const RECOMMENDED_LENGTH = 15

/** What a password must be at least: a recommendation, no warning. */
export function passwordFindings({ AUTH_PASSWORD_MIN_LENGTH: length }: Config): Finding[] {
  const finding = ok(`Passwords have ${length} characters or more`)
  if (length >= RECOMMENDED_LENGTH) return [finding]
  const advice = `NIST SP 800-63B-4 asks for ${RECOMMENDED_LENGTH} if there is no second factor: set AUTH_PASSWORD_MIN_LENGTH=${RECOMMENDED_LENGTH}.`
  return [{ ...finding, advice }]
}
