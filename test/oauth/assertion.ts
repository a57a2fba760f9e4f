import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import type { Algorithm } from '../../verifier/sources.ts'

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** A key pair that a client signs its assertions with. */
export interface AssertionKey {
  alg: Algorithm
  privateKey: CryptoKey
  /** As it is registered. */
  jwk: JWK
}

export async function makeKey(alg: Algorithm, kid?: string): Promise<AssertionKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), alg, ...(kid !== undefined && { kid }) }
  return { alg, privateKey, jwk }
}

export interface AssertionParts {
  claims?: JWTPayload
  header?: Record<string, unknown>
  /** Claims that it goes without. */
  without?: string[]
}

let made = 0

/** A good assertion of this client's for one minute from `now` (milliseconds), but for what is named. */
export async function assertion(
  id: string,
  { alg, privateKey, jwk }: AssertionKey,
  now: number,
  { claims = {}, header = {}, without = [] }: AssertionParts = {}
): Promise<string> {
  made += 1
  const seconds = Math.floor(now / 1000)
  const whole: JWTPayload = {
    iss: id,
    sub: id,
    aud: 'http://localhost:3000/oauth/token',
    jti: `assertion-${made}`,
    iat: seconds,
    exp: seconds + 60,
    ...claims
  }
  for (const name of without) delete whole[name]
  const protectedHeader = { alg, ...(jwk.kid !== undefined && { kid: jwk.kid }), ...header }
  return new SignJWT(whole).setProtectedHeader(protectedHeader).sign(privateKey)
}

/** The parameters of a form that carry an assertion. */
export function shown(client_assertion: string) {
  return { client_assertion, client_assertion_type: ASSERTION_TYPE }
}
