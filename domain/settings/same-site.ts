import { getDomain, getPublicSuffix } from 'tldts'

/** The Public Suffix List as browsers go by it: with its private part, such as github.io. */
const AS_BROWSERS_DO = { allowPrivateDomains: true }

/** Whether a page of one origin sends the SameSite cookies of the other: one scheme, one registrable domain. */
export function isSameSite(origin: string, other: string): boolean {
  const [here, there] = [new URL(origin), new URL(other)]
  return here.protocol === there.protocol && siteOf(here.hostname) === siteOf(there.hostname)
}

/** Whether unrelated parties register names under this domain: browsers keep no cookie for it (RFC 6265bis §5.7). */
export function isPublicSuffix(domain: string): boolean {
  return getPublicSuffix(domain, AS_BROWSERS_DO) === domain
}

// An address and a single label are sites of their own.
function siteOf(host: string): string {
  return getDomain(host, AS_BROWSERS_DO) ?? host
}
