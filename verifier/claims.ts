/** The claims of an access token (RFC 9068 §2.2). Times are seconds since the epoch. */
export interface Claims {
  iss: string
  aud: string | string[]
  sub: string
  jti: string
  iat: number
  exp: number
  nbf?: number
  /** Space-separated permissions. */
  scope: string
  /** The machine client that the token was issued to, and the version of what it was allowed by then. */
  client_id?: string
  client_ver?: number
  /** The client that acts for the person whose token it is, and the one before it (RFC 8693 §4.1). */
  act?: Actor
  /** A person's session, and when they signed in. */
  sid?: string
  auth_time?: number
  roles?: string[]
  /** Version of the person's account: raised by whatever makes tokens stale. */
  ver?: number
}

export interface Actor {
  sub: string
  /** Of one that acted before: the `jti` and `client_ver` of the token that it acted with. */
  jti?: string | undefined
  client_ver?: number | undefined
  act?: Actor
}

/** What must be in every token, whoever it speaks for. */
export const REQUIRED_CLAIMS = ['iss', 'aud', 'sub', 'jti', 'iat', 'exp', 'scope']

/** Seconds that an access token lives at most: `AUTH_ACCESS_TTL` takes no more. */
export const LONGEST_LIFE = 3600
/** Bytes of an id: `jti`, `sub`, `sid`, `client_id`. */
const LONGEST_NAME = 256

/** Whether these are the claims of a person's token, or of a machine's: every claim there, of its type and size. */
export function hasClaims(value: unknown): value is Claims {
  if (typeof value !== 'object' || value === null) return false
  const claims = value as Record<string, unknown>
  return (
    ['sub', 'jti'].every((name) => isName(claims[name])) &&
    typeof claims.scope === 'string' &&
    isShortLived(claims) &&
    (claims.sid === undefined ? isOfAMachine(claims) : isOfAPerson(claims)) &&
    (claims.act === undefined || isActor(claims.act))
  )
}

function isOfAMachine({ client_id, auth_time, roles, ver }: Record<string, unknown>): boolean {
  return isName(client_id) && [auth_time, roles, ver].every((claim) => claim === undefined)
}

function isOfAPerson({ sid, auth_time, roles, ver }: Record<string, unknown>): boolean {
  return (
    isName(sid) &&
    isNumericDate(auth_time) &&
    Array.isArray(roles) &&
    roles.every((role) => typeof role === 'string') &&
    Number.isInteger(ver)
  )
}

function isActor(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { sub, act } = value as Record<string, unknown>
  return isName(sub) && (act === undefined || isActor(act))
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= LONGEST_NAME
}

// Gatehouse signs none that lives longer: it would be the work of a thief of its key.
function isShortLived({ iat, exp }: Record<string, unknown>): boolean {
  return isNumericDate(iat) && isNumericDate(exp) && exp - iat <= LONGEST_LIFE + LATE_SKEW
}

/** Clock differences that are forgiven, in seconds: much before a token's time, hardly anything after it. */
export const EARLY_SKEW = 60
export const LATE_SKEW = 5

/** Whether a token whose signature is good counts at this moment, in milliseconds (RFC 7519 §4.1.4 to 4.1.6). */
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
