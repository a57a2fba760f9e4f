import { createPublicKey, type JsonWebKey } from 'node:crypto'
import type { JWK } from 'jose'
import { Problem } from './errors.ts'

const LEAST_RSA_BITS = 2048

/**
 * Public keys that a client's assertions may be signed by: P-256, Ed25519, or RSA of 2,048 bits or more, each with its
 * algorithm. Throws a Problem `invalid_request` that names the first that is none.
 */
export function publicKeysOf(keys: JWK[]): JWK[] {
  return keys.map((key, index) => {
    const algorithm = algorithmOf(key)
    // Ed25519 is EdDSA by its name of today (RFC 9864 §2.2).
    const named = key.alg === 'Ed25519' ? 'EdDSA' : key.alg
    if (algorithm && (named ?? algorithm) === algorithm) return { ...key, alg: algorithm }
    throw new Problem('invalid_request', {
      errors: [
        {
          pointer: `/jwks/keys/${index}`,
          code: 'key',
          detail: 'This is no public key for signatures of ours.'
        }
      ]
    })
  })
}

function algorithmOf(key: JWK): string | undefined {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey({
      key: key as JsonWebKey,
      format: 'jwk'
    })
    if (asymmetricKeyType === 'ec')
      return asymmetricKeyDetails?.namedCurve === 'prime256v1' ? 'ES256' : undefined
    if (asymmetricKeyType === 'ed25519') return 'EdDSA'
    return (asymmetricKeyDetails?.modulusLength ?? 0) >= LEAST_RSA_BITS ? 'RS256' : undefined
  } catch {
    return undefined
  }
}
