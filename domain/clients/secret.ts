import { createHmac, type KeyObject, randomBytes } from 'node:crypto'
import { isSameText } from '../constant-time.ts'
import type { DerivedKey } from '../keys/master-key.ts'
import type { ClientSecret } from '../model/client.ts'

const BYTES = 32
/** Lets secret scanners recognise a leaked client secret. */
const PREFIX = 'ghs_'

export function makeClientSecret(): string {
  return PREFIX + randomBytes(BYTES).toString('base64url')
}

/** Returns an HMAC-SHA-256. 256 random bits need no slow hash, and the database alone cannot verify a guess. */
export function hashClientSecret(secret: string, key: KeyObject): string {
  return createHmac('sha256', key).update(secret).digest('base64url')
}

/** Returns the hashes under which a secret may be stored: with the current key first, then with the previous one. */
export function hashesOf(secret: string, { accepted }: DerivedKey): string[] {
  return accepted.map((key) => hashClientSecret(secret, key))
}

/** Returns whether one of these hashes is the stored one. */
export function isKept(hashes: string[], kept: string): boolean {
  return hashes.some((hash) => isSameText(hash, kept))
}

export function isLive({ expiresAt }: Pick<ClientSecret, 'expiresAt'>, now: number): boolean {
  return expiresAt === null || expiresAt > now
}
