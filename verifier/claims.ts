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
  /** Version of the person's account. Every change that makes tokens stale raises it. */
  ver?: number
}

export interface Actor {
  sub: string
  /** The id of the token with which an earlier actor acted; `client_ver` is of that token, too. */
  jti?: string | undefined
  client_ver?: number | undefined
  act?: Actor
}

/** The claims that every token has, a person's or a machine's. */
export const REQUIRED_CLAIMS = ['iss', 'aud', 'sub', 'jti', 'iat', 'exp', 'scope']

/** The longest life of an access token, in seconds. `AUTH_ACCESS_TTL` allows no more. */
export const LONGEST_LIFE = 3600
/** The longest id (`jti`, `sub`, `sid`, `client_id`), in bytes. */
const LONGEST_NAME = 256

/** Tells whether these are the claims of a person's or a machine's token: each present, of its type and size. */
export function hasClaims(value: unknown): value is Claims {
  if (typeof value !== 'object' || value === null) return false
  const claims = value as Record<string, unknown>
  return (
    ['sub', 'jti'].every((name) => isName(claims[name])) &&
    [claims.aud].flat().every((each) => typeof each === 'string') &&
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

// Gatehouse signs no token that lives longer. Such a token would be made with a stolen key.
function isShortLived({ iat, exp }: Record<string, unknown>): boolean {
  return isNumericDate(iat) && isNumericDate(exp) && exp - iat <= LONGEST_LIFE + LATE_SKEW
}

/** Clock differences that the verifier allows, in seconds: before a token's time, and after its end. */
export const EARLY_SKEW = 60
export const LATE_SKEW = 5

/** Tells whether a token is within its time at `now`, in milliseconds (RFC 7519 §4.1.4 to §4.1.6). */
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

/** Says how far a token is outside of its time at `now`, in milliseconds. The token is not timely. */
export function describeUntimely({ iat, nbf = iat, exp }: Claims, now: number): string {
  const seconds = Math.floor(now / 1000)
  if (seconds >= exp) return `expired ${seconds - exp} s ago`
  return `not valid for another ${Math.max(iat, nbf) - seconds} s: compare the clocks`
}

/** Throws an Error if a token is from another issuer or for another service. Without `audience`, it may be for any. */
export function assertMeantFor({ iss, aud }: Claims, issuer: string, audience?: string): void {
  if (iss !== issuer) throw new Error(`expected issuer ${issuer}, found ${iss}`)
  const found = [aud].flat()
  if (audience !== undefined && !found.includes(audience))
    throw new Error(`expected audience ${audience}, found ${found.join(' ')}`)
}

function isNumericDate(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}
