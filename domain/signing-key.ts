import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  type JsonWebKey,
  type KeyObject,
  randomBytes
} from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'
import type { Algorithm, VerificationKey } from '../verifier/sources.ts'
import { Problem } from './errors.ts'
import { type DerivedKey, MasterKeyError } from './master-key.ts'
import type { SigningKey } from './store.ts'

const RSA_BITS = 3072
const LEAST_RSA_BITS = 2048
const MOST_RSA_BITS = 4096
const IV_BYTES = 12
const TAG_BYTES = 16

/** A key with its private part sealed: what is kept of it, but for when it signs. */
export type SealedKey = Pick<SigningKey, 'kid' | 'algorithm' | 'publicPem' | 'sealedPrivateKey'>

/** A signing key as the signer uses it. */
export interface OpenedKey extends VerificationKey {
  /** PKCS #8. */
  privatePem: string
}

export async function generateSigningKey(algorithm: Algorithm, wrapKey: KeyObject): Promise<SealedKey> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true, modulusLength: RSA_BITS })
  return sealKey(
    algorithm,
    createPrivateKey({ key: (await exportJWK(privateKey)) as JsonWebKey, format: 'jwk' }),
    wrapKey
  )
}

/**
 * A private key from outside, PEM or JWK: P-256 signs ES256, Ed25519 EdDSA, RSA of 2,048 to 4,096 bits RS256. Throws a
 * Problem `invalid_request` for anything else.
 */
export async function readSigningKey(text: string, wrapKey: KeyObject): Promise<SealedKey> {
  const privateKey = readPrivateKey(text.trim())
  return sealKey(algorithmOf(privateKey), privateKey, wrapKey)
}

function readPrivateKey(text: string): KeyObject {
  try {
    return text.startsWith('{')
      ? createPrivateKey({ key: JSON.parse(text) as JsonWebKey, format: 'jwk' })
      : createPrivateKey({ key: text, format: 'pem' })
  } catch {
    throw new Problem('invalid_request', {
      detail: 'This is no private key in PEM or JWK form, without a passphrase.'
    })
  }
}

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): Algorithm {
  const { namedCurve, modulusLength = 0 } = asymmetricKeyDetails
  if (asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') return 'ES256'
  if (asymmetricKeyType === 'ed25519') return 'EdDSA'
  if (asymmetricKeyType === 'rsa' && modulusLength >= LEAST_RSA_BITS && modulusLength <= MOST_RSA_BITS)
    return 'RS256'
  throw new Problem('invalid_request', {
    detail: `Keys are P-256, Ed25519, or RSA of ${LEAST_RSA_BITS} to ${MOST_RSA_BITS} bits.`
  })
}

async function sealKey(algorithm: Algorithm, privateKey: KeyObject, wrapKey: KeyObject): Promise<SealedKey> {
  const publicKey = createPublicKey(privateKey)
  const kid = await calculateJwkThumbprint(publicKey.export({ format: 'jwk' }) as JWK)
  const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return {
    kid,
    algorithm,
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    sealedPrivateKey: seal(privatePem, kid, wrapKey)
  }
}

/** Throws a MasterKeyError where no master key of ours sealed it. */
export function openKey(
  { kid, algorithm, publicPem, sealedPrivateKey }: SealedKey,
  wrapKeys: DerivedKey
): OpenedKey {
  for (const wrapKey of wrapKeys.accepted) {
    const privatePem = unseal(sealedPrivateKey, kid, wrapKey)
    if (privatePem !== undefined) return { kid, algorithm, publicPem, privatePem }
  }
  throw new MasterKeyError(
    'The master key does not open the signing keys of this database: it belongs to another one'
  )
}

/** Those that no master key of ours opens. */
export function unopened<K extends SealedKey>(keys: K[], wrapKeys: DerivedKey): K[] {
  return keys.filter(({ kid, sealedPrivateKey }) =>
    wrapKeys.accepted.every((wrapKey) => unseal(sealedPrivateKey, kid, wrapKey) === undefined)
  )
}

/** The same private key sealed under the current master key; undefined where it is so already. */
export function resealed({ kid, sealedPrivateKey }: SealedKey, wrapKeys: DerivedKey): string | undefined {
  if (unseal(sealedPrivateKey, kid, wrapKeys.current) !== undefined) return undefined
  const opened = wrapKeys.accepted.map((wrapKey) => unseal(sealedPrivateKey, kid, wrapKey))
  const privatePem = opened.find((text) => text !== undefined)
  return privatePem && seal(privatePem, kid, wrapKeys.current)
}

/** The public half as the JWKS shows it (RFC 7517 §4). */
export function publicJwk({ kid, algorithm, publicPem }: VerificationKey): JWK {
  return { ...(createPublicKey(publicPem).export({ format: 'jwk' }) as JWK), kid, alg: algorithm, use: 'sig' }
}

// AES-256-GCM with a random nonce; the kid is authenticated with it, so that rows cannot be swapped.
function seal(text: string, kid: string, wrapKey: KeyObject): string {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', wrapKey, iv).setAAD(Buffer.from(kid))
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')
}

function unseal(sealed: string, kid: string, wrapKey: KeyObject): string | undefined {
  const bytes = Buffer.from(sealed, 'base64url')
  try {
    const decipher = createDecipheriv('aes-256-gcm', wrapKey, bytes.subarray(0, IV_BYTES), {
      authTagLength: TAG_BYTES
    })
      .setAAD(Buffer.from(kid))
      .setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
    return decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
  } catch {
    return undefined
  }
}
