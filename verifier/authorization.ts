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
  const { fresh } = requirements
  const unmet = unmetBy(auth, requirements)
  if (unmet !== undefined) throw new Refusal('forbidden', unmet, auth.subject)
  const age = now - (auth.claims.auth_time ?? 0) * 1000
  if (fresh !== undefined && auth.kind === 'user' && age > fresh) {
    const tooOld = `expected a sign-in of the last ${fresh / 1000} s, found one ${Math.floor(age / 1000)} s ago`
    throw new Refusal('reauthentication_required', tooOld, auth.subject)
  }
}

/** Returns the first requirement that a caller does not meet, and what they have; undefined if they meet all. */
function unmetBy(auth: Auth, requirements: Requirements): string | undefined {
  const { roles = [], anyRole, scope = '', kind, direct = false } = requirements
  const hasRole = (role: string) => auth.roles.includes(role)
  if (kind !== undefined && auth.kind !== kind) return `expected kind ${kind}, found ${auth.kind}`
  if (direct && auth.claims.act !== undefined) return 'expected a direct token, found an exchanged one'
  if (!roles.every(hasRole)) return `expected roles ${roles.join(' ')}, found ${listed(auth.roles)}`
  if (anyRole && !anyRole.some(hasRole))
    return `expected a role of ${anyRole.join(' ')}, found ${listed(auth.roles)}`
  const hasScope = scope === '' || scope.split(' ').every((token) => auth.scope.includes(token))
  return hasScope ? undefined : `expected scope ${scope}, found ${listed(auth.scope)}`
}

function listed(names: string[]): string {
  return names.join(' ') || 'none'
}
