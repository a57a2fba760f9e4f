import { createHash, randomBytes } from 'node:crypto'
import { DAY } from './clock.ts'
import type { OneTimeToken } from './model/one-time-token.ts'
import type { Transaction } from './model/store.ts'

const TOKEN_BYTES = 32
const LIFETIME = DAY

/** A link that works once. Its token follows `#`, which browsers do not send. `expiresAt` is in milliseconds. */
export interface OneTimeLink {
  token: string
  url: string
  expiresAt: number
}

/** Stores a new token, and returns the link with it. `page` is the address that redeems it. */
export async function issueOneTimeLink(
  tx: Transaction,
  { purpose, userId }: Pick<OneTimeToken, 'purpose' | 'userId'>,
  page: string,
  now: number
): Promise<OneTimeLink> {
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  const expiresAt = now + LIFETIME
  await tx.oneTimeTokens.insert({ hash: hashOneTimeToken(token), purpose, userId, expiresAt })
  return { token, url: `${page}#token=${token}`, expiresAt }
}

/** Returns the hash under which the database stores a token. */
export function hashOneTimeToken(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}
