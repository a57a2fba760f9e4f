import { isHttpsOrLoopback } from './loopback.ts'
import { isSameSite } from './registrable-domain.ts'

/** Origins of pages in app shells and browser extensions. `URL` calls each of them `null`, so they are compared as text. */
const NATIVE_ORIGINS = [
  /^(capacitor|ionic|tauri):\/\/localhost$/,
  /^chrome-extension:\/\/[a-p]{32}$/,
  /^moz-extension:\/\/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/
]

/** Tells whether this is the origin of a page in an app shell or a browser extension, exactly as its browser sends it. */
function isNativeOrigin(text: string): boolean {
  return NATIVE_ORIGINS.some((pattern) => pattern.test(text))
}

/**
 * Tells whether browsers send this origin's requests with the cookies of the issuer. An extension with a permission for the
 * issuer's host gets them, although it is another site.
 */
export function getsCookies(origin: string, issuer: string): boolean {
  return /^(chrome|moz)-extension:/.test(origin) || isSameSite(origin, issuer)
}

/** Returns the origin of an http or https URL; undefined for any other text. */
export function originOf(text: string): string | undefined {
  const url = URL.parse(text)
  // URL accepts a wildcard as a host name.
  if (!url || url.hostname.includes('*')) return undefined
  return url.protocol === 'https:' || url.protocol === 'http:' ? url.origin : undefined
}

/** Tells whether a browser could send this as `Origin`, other than `null`. */
export function isOrigin(text: string): boolean {
  return isNativeOrigin(text) || originOf(text) === text
}

/** Returns the faults of one item of `AUTH_ALLOWED_ORIGINS`. */
export function originFaults(text: string): string[] {
  if (isNativeOrigin(text)) return []
  if (text.includes('*')) return [`AUTH_ALLOWED_ORIGINS ${text} has a wildcard: name every origin by itself`]
  const origin = originOf(text)
  if (origin !== text) return [`AUTH_ALLOWED_ORIGINS ${text} is not an origin: ${example(origin)}`]
  return isHttpsOrLoopback(text)
    ? []
    : [`AUTH_ALLOWED_ORIGINS ${text} must be https: plain http is for a loopback address only`]
}

export function example(origin = 'https://auth.example.com'): string {
  return `write ${origin}`
}
