import { type Claims, EARLY_SKEW, LATE_SKEW, LONGEST_LIFE } from '../../verifier/claims.ts'
import { SECOND, toNumericDate } from '../clock.ts'
import { uuidv7 } from '../id.ts'
import type { Session } from '../model/session.ts'
import type { User } from '../model/user.ts'
import type { Config } from '../settings/config.ts'

type TokenSettings = Pick<Config, 'AUTH_ISSUER' | 'AUTH_AUDIENCE' | 'AUTH_ACCESS_TTL'>

export function userClaims(
  user: Pick<User, 'id' | 'version' | 'roles' | 'scope'>,
  session: Pick<Session, 'id' | 'authTime' | 'expiresAt'>,
  settings: TokenSettings,
  now: number
): Claims {
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

/** Maximum of `AUTH_ACCESS_TTL`, in milliseconds. */
export const LONGEST_ACCESS_TTL = LONGEST_LIFE * SECOND

/**
 * Returns the time, in milliseconds, from which no verifier accepts a token issued until now. It assumes the longest lifetime:
 * the setting may have been another when the token was issued, and may differ on another instance.
 */
export function lastTokenExpiry(now: number): number {
  return now + LONGEST_ACCESS_TTL + (EARLY_SKEW + LATE_SKEW) * SECOND
}

const COOKIE_LIMIT = 4096
/** Length of the longest signature in base64url: RSA with 4,096 bits. */
const SIGNATURE_LENGTH = 683
const KID_LENGTH = 43

/** Returns whether the access cookie of a user with these roles stays within 4,096 bytes (RFC 6265bis §5.6). */
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
