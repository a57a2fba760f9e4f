import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'
import type { DerivedKey } from './master-key.ts'

const IV_BYTES = 12
const TAG_BYTES = 16

/**
 * Seals a text with AES-256-GCM and a random nonce. The id of its row is authenticated data, so that sealed texts cannot be
 * swapped between rows.
 */
export function seal(text: string, id: string, key: KeyObject): string {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(id))
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')
}

/** Returns the text, or undefined if this key did not seal it for this id. */
export function unseal(sealed: string, id: string, key: KeyObject): string | undefined {
  const bytes = Buffer.from(sealed, 'base64url')
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES), {
      authTagLength: TAG_BYTES
    })
      .setAAD(Buffer.from(id))
      .setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
    return decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
  } catch {
    return undefined
  }
}

/** Returns the text that the current or the previous key sealed, or undefined. */
export function unsealWithAny(sealed: string, id: string, keys: DerivedKey): string | undefined {
  for (const key of keys.accepted) {
    const text = unseal(sealed, id, key)
    if (text !== undefined) return text
  }
  return undefined
}
