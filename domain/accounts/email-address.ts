import { domainToASCII } from 'node:url'
import { Problem } from '../errors.ts'

const LOCAL_PART = /^[^\s\p{C}"(),:;<>@[\\\]]{1,64}$/u
// Letters in the last label: an address by number is nobody's mailbox.
const DOMAIN = /^([a-z0-9-]+\.)*[a-z0-9-]*[a-z][a-z0-9-]*$/
const MAX_LENGTH = 254

/**
 * The one spelling of an e-mail address: NFKC, lower case, ASCII domain, so that case and Unicode forms are one
 * account. Undefined for what is no address.
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

// domainToASCII reads a URL's host: it drops what follows one, and decodes %-signs.
function toDomain(text: string): string {
  return /[\s\p{C}/?#\\%:[\]]/u.test(text) ? '' : domainToASCII(text)
}

/** The normal spelling of an address. Throws a Problem `invalid_request` for what is none. */
export function requireEmail(text: string): string {
  const email = normaliseEmail(text)
  if (email !== undefined) return email
  throw new Problem('invalid_request', {
    errors: [{ pointer: '/email', code: 'email', detail: 'This is not an e-mail address.' }]
  })
}
