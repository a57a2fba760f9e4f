import type { GuardSettings } from './guard.ts'
import { createVerifier, type Verifier, type VerifierOptions } from './index.ts'
import { isOrigin } from './verifier-options.ts'

/** What a service says of itself to guard its routes. */
export interface ServiceOptions extends VerifierOptions {
  /** Name of the access cookie, where it is not one of Gatehouse's own for such an issuer. */
  cookie?: string
  /** Origins besides the service's own whose pages may send unsafe requests that ride on the cookie. */
  allowedOrigins?: string[]
}

/** A verifier and the settings of every guard over it. */
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

/** Over https the cookie is bound to its host, or shared with a domain; over http on a loopback address it has no prefix. */
function cookieNames(issuer: string): string[] {
  return issuer.startsWith('https:') ? ['__Host-access', '__Secure-access'] : ['access']
}
