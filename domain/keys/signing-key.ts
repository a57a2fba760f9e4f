import {
  createPrivateKey,
  createPublicKey,
  type JsonWebKey,
  type KeyObject,
  randomBytes,
  sign,
  verify
} from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'
import { algorithmOf, judgePublicKey, LEAST_RSA_BITS, UnfitKeyError } from '../../verifier/public-key.ts'
import type { Algorithm, VerificationKey } from '../../verifier/sources.ts'
import { Problem } from '../errors.ts'
import type { SigningKey } from '../model/signing-key.ts'
import { type DerivedKey, MasterKeyError } from './master-key.ts'
import { seal, unseal, unsealWithAny } from './seal.ts'

const MOST_RSA_BITS = 4096

/** A key with its private half sealed, as the database stores it, but without its times. */
export type SealedKey = Pick<SigningKey, 'kid' | 'algorithm' | 'publicPem' | 'sealedPrivateKey'>

/** A signing key as the signer uses it. */
export interface OpenedKey extends VerificationKey {
  /** PKCS #8. */
  privatePem: string
}

export async function generateSigningKey(algorithm: Algorithm, wrapKey: KeyObject): Promise<SealedKey> {
  const { privateKey } = await generateKeyPair(algorithm, {
    extractable: true,
    modulusLength: LEAST_RSA_BITS
  })
  return sealKey(
    algorithm,
    createPrivateKey({ key: (await exportJWK(privateKey)) as JsonWebKey, format: 'jwk' }),
    wrapKey
  )
}

/**
 * Reads a private key in PEM or JWK form: P-256 (ES256), Ed25519 (EdDSA), or RSA of 3,072 to 4,096 bits (RS256). Signs with it
 * once and verifies that with the public half. Throws a Problem `invalid_request` for any other key.
 */
export async function readSigningKey(text: string, wrapKey: KeyObject): Promise<SealedKey> {
  const privateKey = readPrivateKey(text.trim())
  const publicKey = createPublicKey(privateKey)
  const algorithm = judge(publicKey)
  if (!isPair(privateKey, publicKey)) throw unusable('The private and the public half are not of one key.')
  return sealKey(algorithm, privateKey, wrapKey)
}

function readPrivateKey(text: string): KeyObject {
  try {
    return text.startsWith('{')
      ? createPrivateKey({ key: JSON.parse(text) as JsonWebKey, format: 'jwk' })
      : createPrivateKey({ key: text, format: 'pem' })
  } catch {
    throw unusable('This is no private key in PEM or JWK form, without a passphrase.')
  }
}

function judge(publicKey: KeyObject): Algorithm {
  if ((publicKey.asymmetricKeyDetails?.modulusLength ?? 0) > MOST_RSA_BITS)
    throw unusable(`An RSA key has ${MOST_RSA_BITS} bits at most: its tokens must fit into a cookie.`)
  try {
    return judgePublicKey(publicKey, LEAST_RSA_BITS)
  } catch (error) {
    throw error instanceof UnfitKeyError ? unusable(error.message) : error
  }
}

function isPair(privateKey: KeyObject, publicKey: KeyObject): boolean {
  const digest = algorithmOf(publicKey) === 'EdDSA' ? null : 'sha256'
  const data = randomBytes(32)
  try {
    return verify(digest, data, publicKey, sign(digest, data, privateKey))
  } catch {
    return false
  }
}

function unusable(detail: string): Problem {
  return new Problem('invalid_request', { detail })
}

async function sealKey(algorithm: Algorithm, privateKey: KeyObject, wrapKey: KeyObject): Promise<SealedKey> {
  const publicKey = createPublicKey(privateKey)
  const kid = await calculateJwkThumbprint(publicKey.export({ format: 'jwk' }) as JWK)
  const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return {
    kid,
    algorithm,
    publicPem: pemOf(publicKey),
    sealedPrivateKey: seal(privatePem, kid, wrapKey)
  }
}

/**
 * Opens a key. Its algorithm and public half come from the sealed private half, not from the row; the seal also covers the
 * `kid`. Throws a MasterKeyError if no accepted master key sealed it.
 */
export function openKey({ kid, sealedPrivateKey }: SealedKey, wrapKeys: DerivedKey): OpenedKey {
  const privatePem = unsealWithAny(sealedPrivateKey, kid, wrapKeys)
  if (privatePem !== undefined) return { kid, privatePem, ...publicHalf(privatePem) }
  throw new MasterKeyError(
    'The master key does not open the signing keys of this database: it belongs to another one'
  )
}

function publicHalf(privatePem: string): Pick<OpenedKey, 'algorithm' | 'publicPem'> {
  const publicKey = createPublicKey(privatePem)
  return { algorithm: algorithmOf(publicKey) as Algorithm, publicPem: pemOf(publicKey) }
}

function pemOf(publicKey: KeyObject): string {
  return publicKey.export({ type: 'spki', format: 'pem' }).toString()
}

/** Returns whether a row contradicts its sealed private half. */
export function isAltered(row: SealedKey, { algorithm, publicPem }: OpenedKey): boolean {
  return row.algorithm !== algorithm || row.publicPem !== publicPem
}

/** Returns the keys that no accepted master key opens. */
export function unopened<K extends SealedKey>(keys: K[], wrapKeys: DerivedKey): K[] {
  return keys.filter(
    ({ kid, sealedPrivateKey }) => unsealWithAny(sealedPrivateKey, kid, wrapKeys) === undefined
  )
}

/** Returns the private key sealed under the current master key; undefined if it already is, or if no key opens it. */
export function resealed({ kid, sealedPrivateKey }: SealedKey, wrapKeys: DerivedKey): string | undefined {
  if (unseal(sealedPrivateKey, kid, wrapKeys.current) !== undefined) return undefined
  const privatePem = unsealWithAny(sealedPrivateKey, kid, wrapKeys)
  return privatePem && seal(privatePem, kid, wrapKeys.current)
}

/** Returns the public half as the JWKS shows it (RFC 7517 §4). */
export function publicJwk({ kid, algorithm, publicPem }: VerificationKey): JWK {
  return { ...(createPublicKey(publicPem).export({ format: 'jwk' }) as JWK), kid, alg: algorithm, use: 'sig' }
}
