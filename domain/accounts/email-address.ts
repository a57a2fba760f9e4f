import { domainToASCII } from 'node:url'
import { Problem } from '../errors.ts'

const LOCAL_PART = /^[^\s\p{C}"(),:;<>@[\\\]]{1,64}$/u
// The last label needs a letter: an IP address is no mail domain.
const DOMAIN = /^([a-z0-9-]+\.)*[a-z0-9-]*[a-z][a-z0-9-]*$/
const MAX_LENGTH = 254

/**
 * Returns the one spelling of an e-mail address: NFKC, lower case, ASCII domain. Case and Unicode forms are then one account.
 * Returns undefined if the text is not an address.
 */
export function normaliseEmail(text: string): string | undefined {
  const folded = text.normalize('NFKC').trim().toLowerCase().normalize('NFKC')
  const at = folded.lastIndexOf('@')
  const local = folded.slice(0, Math.max(at, 0))
  const domain = toDomain(folded.slice(at + 1))
  if (!LOCAL_PART.test(local) || !DOMAIN.test(domain)) return undefined
  const email = `${local}@${domain}`
  return email.length <= MAX_LENGTH ? email : undefined
}

// domainToASCII parses a URL's host: it drops the text after the host, and decodes percent signs.
function toDomain(text: string): string {
  return /[\s\p{C}/?#\\%:[\]]/u.test(text) ? '' : domainToASCII(text)
}

/** Returns the normal spelling of an address. Throws a Problem `invalid_request` if the text is not one. */
export function requireEmail(text: string): string {
  const email = normaliseEmail(text)
  if (email !== undefined) return email
  throw new Problem('invalid_request', {
    errors: [{ pointer: '/email', code: 'email', detail: 'This is not an e-mail address.' }]
  })
}
