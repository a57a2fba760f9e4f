import { getDomain, getPublicSuffix } from 'tldts'

/** Uses the Public Suffix List as browsers do: with its private part, such as github.io. */
const AS_BROWSERS_DO = { allowPrivateDomains: true }

/** Returns whether two origins are same-site: one scheme, one registrable domain. Browsers then send SameSite cookies. */
export function isSameSite(origin: string, other: string): boolean {
  const [here, there] = [new URL(origin), new URL(other)]
  return here.protocol === there.protocol && siteOf(here.hostname) === siteOf(there.hostname)
}

/** Returns whether a domain is a public suffix: browsers store no cookie for it (RFC 6265bis §5.7). */
export function isPublicSuffix(domain: string): boolean {
  return getPublicSuffix(domain, AS_BROWSERS_DO) === domain
}

// An IP address or a single label is a separate site.
function siteOf(host: string): string {
  return getDomain(host, AS_BROWSERS_DO) ?? host
}
