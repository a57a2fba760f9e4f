import type { UserClaims } from '../schemas/access-token.ts'
import { toNumericDate } from './clock.ts'
import type { Config } from './config.ts'
import { uuidv7 } from './id.ts'
import type { Session, User } from './store.ts'

type TokenSettings = Pick<Config, 'AUTH_ISSUER' | 'AUTH_AUDIENCE' | 'AUTH_ACCESS_TTL'>

export function userClaims(
  user: Pick<User, 'id' | 'version' | 'roles' | 'scope'>,
  session: Pick<Session, 'id' | 'authTime' | 'expiresAt'>,
  settings: TokenSettings,
  now: number
): UserClaims {
  return {
    iss: settings.AUTH_ISSUER,
    aud: settings.AUTH_AUDIENCE,
    sub: user.id,
    sid: session.id,
    jti: uuidv7(),
    iat: toNumericDate(now),
    exp: toNumericDate(Math.min(now + settings.AUTH_ACCESS_TTL, session.expiresAt)),
    auth_time: toNumericDate(session.authTime),
    roles: user.roles,
    scope: user.scope.join(' '),
    ver: user.version
  }
}

/** Clock differences that are forgiven, in seconds: much before a token's time, hardly anything after it. */
const EARLY_SKEW = 60
const LATE_SKEW = 5

/** Whether a token whose signature is good counts at this moment (RFC 7519 §4.1.4 to 4.1.6). */
export function isTimely(claims: { iat?: unknown; nbf?: unknown; exp?: unknown }, now: number): boolean {
  const seconds = now / 1000
  return (
    isNumericDate(claims.exp) &&
    seconds < claims.exp + LATE_SKEW &&
    isNumericDate(claims.iat) &&
    claims.iat <= seconds + EARLY_SKEW &&
    (claims.nbf === undefined || (isNumericDate(claims.nbf) && claims.nbf <= seconds + EARLY_SKEW))
  )
}

function isNumericDate(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

/** When the last access token that was issued until now is dead for every verifier, in milliseconds. */
export function lastTokenExpiry(now: number, accessTtl: number): number {
  return now + accessTtl + (EARLY_SKEW + LATE_SKEW) * 1000
}

const COOKIE_LIMIT = 4096
const SIGNATURE_LENGTH = 86
const KID_LENGTH = 43

/** Whether the access cookie of somebody with these roles stays within 4,096 bytes (RFC 6265bis §5.6). */
export function fitsIntoCookie(roles: string[], scope: string[], settings: TokenSettings): boolean {
  const id = uuidv7()
  const far = 9_999_999_999_000
  const claims = userClaims(
    { id, version: 2 ** 31 - 1, roles, scope },
    { id, authTime: far, expiresAt: far },
    settings,
    far
  )
  const header = { alg: 'ES256', typ: 'at+jwt', kid: 'k'.repeat(KID_LENGTH) }
  const token = encodedLength(header) + encodedLength(claims) + SIGNATURE_LENGTH + 2
  return '__Secure-access'.length + token <= COOKIE_LIMIT
}

function encodedLength(value: unknown): number {
  return Math.ceil((Buffer.byteLength(JSON.stringify(value)) * 4) / 3)
}
