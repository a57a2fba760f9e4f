import type { KeyObject } from 'node:crypto'
import { weaknessOfRsaKey } from './rsa-key.ts'
import type { Algorithm } from './sources.ts'

/** The least size of an RSA key for access tokens, in bits: 128 bits of security (NIST SP 800-57 part 1, table 2). */
export const LEAST_RSA_BITS = 3072
/** The least size of a client's RSA key, in bits. Assertions live for minutes (RFC 7518 §3.3). */
export const LEAST_RSA_BITS_OF_CLIENTS = 2048

/** Says why Gatehouse refuses a public key: its kind is not supported, or an attacker could sign by it. */
export class UnfitKeyError extends Error {}

/** Returns the algorithm for a key of this kind; undefined for unsupported kinds. Does not judge its strength. */
export function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): Algorithm | undefined {
  if (asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1') return 'ES256'
  if (asymmetricKeyType === 'ed25519') return 'EdDSA'
  return asymmetricKeyType === 'rsa' ? 'RS256' : undefined
}

/**
 * Returns the algorithm of a public key. Throws an UnfitKeyError if the key is weak or of an unsupported kind. OpenSSL has
 * already checked that the point of a P-256 key is on the curve.
 */
export function judgePublicKey(key: KeyObject, leastRsaBits: number): Algorithm {
  const algorithm = algorithmOf(key)
  if (algorithm === undefined) throw new UnfitKeyError('Keys are P-256, Ed25519 or RSA.')
  if (algorithm === 'RS256') assertStrongRsa(key, leastRsaBits)
  if (algorithm === 'EdDSA') assertLargeOrder(key)
  return algorithm
}

function assertStrongRsa(key: KeyObject, leastBits: number): void {
  if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < leastBits)
    throw new UnfitKeyError(`An RSA key has ${leastBits} bits or more.`)
  const { n = '', e = '' } = key.export({ format: 'jwk' })
  const weakness = weaknessOfRsaKey(integer(bytes(n)), integer(bytes(e)))
  if (weakness) throw new UnfitKeyError(`This RSA key is weak: ${weakness}.`)
}

/** The prime of Curve25519 (RFC 8032 §5.1). */
const FIELD = (1n << 255n) - 19n

// An attacker can forge signatures of a point of order 8 or less. By the doubling formula, these points are the roots of three
// polynomials: y, y^2 - 1, and d*y^4 + 2*y^2 - 1, with d = -121665/121666.
function assertLargeOrder(key: KeyObject): void {
  const { x = '' } = key.export({ format: 'jwk' })
  const y = BigInt.asUintN(255, integer(bytes(x).reverse()))
  const square = y * y
  const product = y * (square - 1n) * (-121_665n * square * square + 243_332n * square - 121_666n)
  if (product % FIELD === 0n) throw new UnfitKeyError('This Ed25519 key is a point of small order.')
}

function bytes(base64url: string): Buffer {
  return Buffer.from(base64url, 'base64url')
}

function integer(bigEndian: Buffer): bigint {
  return BigInt(`0x${bigEndian.toString('hex') || '0'}`)
}
