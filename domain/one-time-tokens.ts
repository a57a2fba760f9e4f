import { createHash, randomBytes, randomInt } from 'node:crypto'
import { DAY, HOUR } from './clock.ts'
import type { OneTimeToken } from './model/one-time-token.ts'
import type { Transaction } from './model/store.ts'

const TOKEN_BYTES = 32
const LIFETIME = DAY
/** Milliseconds. A link that crosses the network in a mail lives less long than one that an administrator hands over. */
export const MAILED_LIFETIME = HOUR

/** Crockford's base 32: no letter looks like a digit. Eight characters are 40 bits, and only five tries count. */
const CODE_LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const CODE_LENGTH = 8

/** A link that works once. Its token follows `#`, which browsers do not send. `expiresAt` is in milliseconds. */
export interface OneTimeLink {
  token: string
  url: string
  expiresAt: number
}

type About = Pick<OneTimeToken, 'purpose' | 'userId'>

/** Stores a new token, and returns the link with it. `page` is the address that redeems it. */
export async function issueOneTimeLink(
  tx: Transaction,
  about: About,
  page: string,
  now: number
): Promise<OneTimeLink> {
  const token = newSecret()
  const expiresAt = now + LIFETIME
  const unmailed = { email: null, browserHash: null, codeHash: null }
  await tx.oneTimeTokens.insert({ ...about, ...unmailed, hash: hashOneTimeToken(token), expiresAt })
  return { token, url: `${page}#token=${token}`, expiresAt }
}

/**
 * Stores a token for a mail to `email`. Returns the link, and a code that counts only together with `browser`, the secret of
 * the browser that asked.
 */
export async function issueMailedLink(
  tx: Transaction,
  { email, browser, ...about }: About & { email: string; browser: string },
  page: string,
  now: number
): Promise<OneTimeLink & { code: string }> {
  const [token, code] = [newSecret(), newCode()]
  const expiresAt = now + MAILED_LIFETIME
  await tx.oneTimeTokens.insert({
    ...about,
    hash: hashOneTimeToken(token),
    expiresAt,
    email,
    browserHash: hashOneTimeToken(browser),
    codeHash: hashCode(code, browser)
  })
  return { token, url: `${page}#token=${token}`, code, expiresAt }
}

/** Returns a secret of 256 bits, base64url. */
export function newSecret(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url')
}

/** Returns whether a text has the form of a secret. */
export function isSecret(text: string): boolean {
  return /^[\w-]{43}$/.test(text)
}

/** Returns the hash under which the database stores a token. */
export function hashOneTimeToken(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}

/** Returns the hash of a code as a person typed it. The database alone does not give the code away: it lacks `browser`. */
export function hashCode(typed: string, browser: string): string {
  const code = typed.toUpperCase().replace(/[\s-]/g, '').replace(/[IL]/g, '1').replace(/O/g, '0')
  return hashOneTimeToken(`${browser} ${code}`)
}

function newCode(): string {
  return Array.from({ length: CODE_LENGTH }, () => CODE_LETTERS[randomInt(CODE_LETTERS.length)]).join('')
}
