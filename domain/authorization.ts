import type { UserClaims } from '../schemas/access-token.ts'
import { Problem } from './errors.ts'

/** Who makes a request, as its access token says. */
export interface Auth {
  subject: string
  kind: 'user' | 'service'
  roles: string[]
  scope: string[]
  sessionId: string
  claims: UserClaims
}

/** What a guard asks of a caller. */
export interface Requirements {
  /** All of these. */
  roles?: string[]
  /** One of these at least. */
  anyRole?: string[]
  /** All of these, space-separated. */
  scope?: string
  /** The sign-in is at most this old, in milliseconds. Machines do not sign in, and so are not asked. */
  fresh?: number
  kind?: Auth['kind']
}

/** Throws a Problem `forbidden` or `reauthentication_required` where the caller does not meet a requirement. */
export function assertAllowed(auth: Auth, requirements: Requirements, now: number): void {
  const { roles = [], anyRole, scope = '', fresh, kind } = requirements
  const allowed =
    (kind === undefined || auth.kind === kind) &&
    roles.every((role) => auth.roles.includes(role)) &&
    (anyRole === undefined || anyRole.some((role) => auth.roles.includes(role))) &&
    (scope === '' || scope.split(' ').every((token) => auth.scope.includes(token)))
  if (!allowed) throw new Problem('forbidden')
  if (fresh !== undefined && auth.kind === 'user' && now - auth.claims.auth_time * 1000 > fresh) {
    throw new Problem('reauthentication_required')
  }
}
