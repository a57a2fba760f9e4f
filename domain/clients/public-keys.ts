import { createPublicKey, type JsonWebKey } from 'node:crypto'
import type { JWK } from 'jose'
import { judgePublicKey, LEAST_RSA_BITS_OF_CLIENTS } from '../../verifier/public-key.ts'
import { Problem } from '../errors.ts'

/**
 * Public keys that a client's assertions may be signed by, as `judgePublicKey` has them with RSA of 2,048 bits or more, each
 * with its algorithm. Throws a Problem `invalid_request` that names the first that is none.
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
    const publicKey = createPublicKey({ key: key as JsonWebKey, format: 'jwk' })
    return judgePublicKey(publicKey, LEAST_RSA_BITS_OF_CLIENTS)
  } catch {
    return undefined
  }
}
