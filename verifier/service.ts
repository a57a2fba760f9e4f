import type { GuardSettings } from './guard.ts'
import { createVerifier, type Verifier, type VerifierOptions } from './index.ts'
import { isOrigin } from './verifier-options.ts'

/** What a service configures to guard its routes. */
export interface ServiceOptions extends VerifierOptions {
  /** Name of the access cookie; by default, Gatehouse's own names for this issuer. */
  cookie?: string
  /** Other origins whose pages may send unsafe requests with the cookie. */
  allowedOrigins?: string[]
}

/** Makes a verifier, and the settings of every guard over it. Throws a TypeError for invalid options. */
export function guardSettings(options: ServiceOptions): GuardSettings & { verifier: Verifier } {
  const { issuer, cookie, allowedOrigins = [], clock = Date.now } = options
  const other = allowedOrigins.find((origin) => !isOrigin(origin))
  if (other !== undefined)
    throw new TypeError(`allowedOrigins: ${other} is not an origin such as https://app.example.com`)
  return {
    verifier: createVerifier(options),
    cookies: cookie ? [cookie] : cookieNames(issuer),
    allowedOrigins: new Set(allowedOrigins),
    clock
  }
}

/** Returns the names of the access cookie: bound to its host or shared with a domain over https, without prefix over http. */
function cookieNames(issuer: string): string[] {
  return issuer.startsWith('https:') ? ['__Host-access', '__Secure-access'] : ['access']
}
