import { Problem } from '../errors.ts'
import type { User } from '../model/user.ts'
import type { Config } from '../settings/config.ts'
import { fitsIntoCookie } from '../tokens/access-token.ts'
import type { RoleLookup } from './lookup.ts'
import { heldRoles, managementScopesIn } from './scopes.ts'

/** A risk of a change that was made, for the administrator. `code` is stable. */
export interface Warning {
  code: 'email_unverified'
  detail: string
}

/** Throws a Problem `unknown_role`, or `roles_too_large` if an access token with these roles would not fit into a cookie. */
export function assertAssignable(lookup: RoleLookup, roles: string[], config: Config): void {
  const missing = lookup.missing(roles)
  if (missing.length > 0) {
    const errors = missing.map((name) => ({
      pointer: '/roles',
      code: 'unknown',
      detail: `There is no role ${name}.`
    }))
    throw new Problem('unknown_role', { errors })
  }
  const held = heldRoles(roles)
  if (!fitsIntoCookie(held, lookup.scopeOf(held), config)) throw new Problem('roles_too_large')
}

/** Returns the warnings about new roles of an account whose scope was `before`. */
export function warningsOf({ email, emailVerified, scope }: User, before: string[]): Warning[] {
  const gained = managementScopesIn(scope).filter((token) => !before.includes(token))
  if (emailVerified || gained.length === 0) return []
  const detail = `The address ${email} is not verified: make sure that its owner has this account.`
  return [{ code: 'email_unverified', detail }]
}
