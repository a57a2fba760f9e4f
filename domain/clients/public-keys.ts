import { createPublicKey, type JsonWebKey } from 'node:crypto'
import type { JWK } from 'jose'
import { judgePublicKey, LEAST_RSA_BITS_OF_CLIENTS } from '../../verifier/public-key.ts'
import { Problem } from '../errors.ts'

/**
 * Returns the public keys of a client's assertions, each with its `alg`. `judgePublicKey` decides, with RSA from 2,048 bits.
 * Throws a Problem `invalid_request` that names the first unusable key.
 */
export function publicKeysOf(keys: JWK[]): JWK[] {
  return keys.map((key, index) => {
    const algorithm = algorithmOf(key)
    // Ed25519 is the newer name of EdDSA (RFC 9864 §2.2).
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
