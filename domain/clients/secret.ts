import { createHmac, type KeyObject, randomBytes } from 'node:crypto'
import { isSameText } from '../constant-time.ts'
import type { DerivedKey } from '../keys/master-key.ts'
import type { ClientSecret } from '../model/client.ts'

const BYTES = 32
/** So that scanners of repositories know what they have found. */
const PREFIX = 'ghs_'

export function makeClientSecret(): string {
  return PREFIX + randomBytes(BYTES).toString('base64url')
}

/** HMAC-SHA-256: of 256 random bits nothing slower is needed, and the database alone proves no guess. */
export function hashClientSecret(secret: string, key: KeyObject): string {
  return createHmac('sha256', key).update(secret).digest('base64url')
}

/** What a secret may be kept as: under the current key first, then under the previous one. */
export function hashesOf(secret: string, { accepted }: DerivedKey): string[] {
  return accepted.map((key) => hashClientSecret(secret, key))
}

/** Whether one of these hashes is the one that was kept. */
export function isKept(hashes: string[], kept: string): boolean {
  return hashes.some((hash) => isSameText(hash, kept))
}

export function isLive({ expiresAt }: Pick<ClientSecret, 'expiresAt'>, now: number): boolean {
  return expiresAt === null || expiresAt > now
}
