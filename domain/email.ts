import { domainToASCII } from 'node:url'

const LOCAL_PART = /^[^\s\p{C}"(),:;<>@[\\\]]{1,64}$/u
const MAX_LENGTH = 254

/**
 * The one spelling of an e-mail address: NFKC, lower case, ASCII domain, so that case and Unicode forms are one
 * account. Undefined for what is no address.
 */
export function normaliseEmail(text: string): string | undefined {
  const folded = text.normalize('NFKC').trim().toLowerCase().normalize('NFKC')
  const at = folded.lastIndexOf('@')
  const local = folded.slice(0, Math.max(at, 0))
  const domain = domainToASCII(folded.slice(at + 1))
  if (!LOCAL_PART.test(local) || !/^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(domain)) return undefined
  const email = `${local}@${domain}`
  return email.length <= MAX_LENGTH ? email : undefined
}
