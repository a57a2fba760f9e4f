import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, exportPKCS8, exportSPKI, generateKeyPair } from 'jose'
import { MasterKeyError } from './master-key.ts'
import type { SigningKey, Store } from './store.ts'

const IV_BYTES = 12
const TAG_BYTES = 16

/** A signing key as the signer uses it. */
export interface OpenedKey {
  kid: string
  algorithm: SigningKey['algorithm']
  publicPem: string
  privatePem: string
}

/** The active key, which signs, and all keys that tokens in circulation may carry, by kid. */
export interface KeyRing {
  active: OpenedKey
  byKid: ReadonlyMap<string, OpenedKey>
}

/**
 * The keys of this database, with an active one of the wanted algorithm: made now where there is none, by exactly one
 * of the instances that start together. Throws a MasterKeyError where the master key is not theirs.
 */
export async function loadKeyRing(
  store: Store,
  algorithm: SigningKey['algorithm'],
  wrapKey: KeyObject,
  now: number
): Promise<KeyRing> {
  const active = (await store.signingKeys.list()).find(({ status }) => status === 'active')
  if (active?.algorithm !== algorithm) {
    const fresh = await createSigningKey(algorithm, wrapKey, now)
    await store.transaction(async (tx) => {
      await tx.exclusive('signing-keys')
      await tx.signingKeys.activate(fresh, active?.kid)
    })
  }
  return openKeyRing(await store.signingKeys.list(), wrapKey)
}

function openKeyRing(keys: SigningKey[], wrapKey: KeyObject): KeyRing {
  const byKid = new Map(keys.map((key) => [key.kid, openKey(key, wrapKey)]))
  const active = byKid.get(keys.find(({ status }) => status === 'active')?.kid ?? '')
  if (!active) throw new Error('There is no active signing key')
  return { active, byKid }
}

async function createSigningKey(
  algorithm: SigningKey['algorithm'],
  wrapKey: KeyObject,
  now: number
): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
  const kid = await calculateJwkThumbprint(await exportJWK(publicKey))
  return {
    kid,
    algorithm,
    status: 'active',
    publicPem: await exportSPKI(publicKey),
    sealedPrivateKey: seal(await exportPKCS8(privateKey), kid, wrapKey),
    createdAt: now
  }
}

function openKey({ kid, algorithm, publicPem, sealedPrivateKey }: SigningKey, wrapKey: KeyObject): OpenedKey {
  return { kid, algorithm, publicPem, privatePem: unseal(sealedPrivateKey, kid, wrapKey) }
}

// AES-256-GCM with a random nonce; the kid is authenticated with it, so that rows cannot be swapped.
function seal(text: string, kid: string, wrapKey: KeyObject): string {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', wrapKey, iv).setAAD(Buffer.from(kid))
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')
}

function unseal(sealed: string, kid: string, wrapKey: KeyObject): string {
  const bytes = Buffer.from(sealed, 'base64url')
  try {
    const decipher = createDecipheriv('aes-256-gcm', wrapKey, bytes.subarray(0, IV_BYTES), {
      authTagLength: TAG_BYTES
    })
      .setAAD(Buffer.from(kid))
      .setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
    return decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
  } catch {
    throw new MasterKeyError(
      'The master key does not open the signing keys of this database: it belongs to another one'
    )
  }
}
