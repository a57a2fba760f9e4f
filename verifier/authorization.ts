import type { Claims } from './claims.ts'
import { Refusal } from './refusal.ts'

/** Who makes a request, as the access token says. */
export interface Auth {
  /** A person's or a client's id. */
  subject: string
  kind: 'user' | 'service'
  roles: string[]
  scope: string[]
  /** Empty for a service, which has no session. */
  sessionId: string
  claims: Claims
}

/** What a guard asks of a caller. `Scope` narrows which permissions it may name. */
export interface Requirements<Scope extends string = string> {
  /** The caller has all of these. */
  roles?: string[]
  /** The caller has at least one of these. */
  anyRole?: string[]
  /** The caller has all of these permissions, separated by spaces. */
  scope?: Scope
  /** The sign-in is at most this old, in milliseconds. Does not apply to machines, which do not sign in. */
  fresh?: number
  kind?: Auth['kind']
  /** Refuses a token that a service got in exchange for the caller's (RFC 8693). */
  direct?: boolean
}

/**
 * Returns who makes a request that a guard let in. Throws an Error if no guard has run, or if an `optional` one found no
 * token: such a route reads `request.auth` instead, which is null then.
 */
export function authOf({ auth }: { auth?: Auth | null }): Auth {
  if (!auth) throw new Error('request.auth is empty: the route needs a guard that is not optional')
  return auth
}

/** Reads the caller from verified claims. The result is frozen, because all requests with the same token share it. */
export function authFromClaims(claims: Claims): Auth {
  const { sub, sid, roles = [], scope } = claims
  return deepFreeze({
    subject: sub,
    kind: sid === undefined ? 'service' : 'user',
    roles,
    scope: scope === '' ? [] : scope.split(' '),
    sessionId: sid ?? '',
    claims
  })
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(deepFreeze)
  return Object.freeze(value)
}

/** Throws a Refusal `forbidden` or `reauthentication_required` if the caller does not meet a requirement. */
export function assertAllowed(auth: Auth, requirements: Requirements, now: number): void {
  const { roles = [], anyRole, scope = '', fresh, kind, direct = false } = requirements
  const allowed =
    (kind === undefined || auth.kind === kind) &&
    !(direct && auth.claims.act !== undefined) &&
    roles.every((role) => auth.roles.includes(role)) &&
    (anyRole === undefined || anyRole.some((role) => auth.roles.includes(role))) &&
    (scope === '' || scope.split(' ').every((token) => auth.scope.includes(token)))
  if (!allowed) throw new Refusal('forbidden', undefined, auth.subject)
  if (fresh !== undefined && auth.kind === 'user' && now - (auth.claims.auth_time ?? 0) * 1000 > fresh) {
    throw new Refusal('reauthentication_required', undefined, auth.subject)
  }
}
