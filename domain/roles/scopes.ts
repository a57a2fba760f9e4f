import type { Role } from '../model/role.ts'

export const ADMIN_ROLE = 'admin'
/** The role that all users have. */
export const USER_ROLE = 'user'

/** Lets its holder hand out application scopes that they lack, and act on accounts that have them. */
export const ROLES_ASSIGN = 'roles:assign'

/** The scopes that Gatehouse itself requires. `admin` has them all. */
export const MANAGEMENT_SCOPE = [
  'audit:read',
  'clients:read',
  'clients:write',
  'keys:read',
  'keys:write',
  'revocations:read',
  'roles:assign',
  'roles:read',
  'roles:write',
  'tokens:introspect',
  'users:read',
  'users:write'
] as const

export type ManagementScope = (typeof MANAGEMENT_SCOPE)[number]

/** Returns these roles and the one that all users have: sorted, without duplicates. */
export function heldRoles(roles: string[]): string[] {
  return [...new Set([...roles, USER_ROLE])].sort()
}

/** Returns these roles without the one that all users have, which distinguishes no account. */
export function assignedRoles(roles: string[]): string[] {
  return roles.filter((role) => role !== USER_ROLE)
}

/** Returns the scope of several roles together: sorted, without duplicates. */
export function unionOfScopes(roles: Pick<Role, 'scope'>[]): string[] {
  return [...new Set(roles.flatMap(({ scope }) => scope))].sort()
}

/**
 * Returns the scope of roles together; `stored` is their scope in the database. The scope of `admin` is in the code, so that
 * new scopes of a new version need no migration.
 */
export function scopeOfRoles(roles: string[], stored: string): string[] {
  const granted = roles.includes(ADMIN_ROLE) ? [...MANAGEMENT_SCOPE] : []
  return unionOfScopes([{ scope: granted }, { scope: parseScope(stored) }])
}

/** Returns a space-separated scope (RFC 6749 §3.3) as a sorted list without duplicates. */
export function parseScope(text: string): string[] {
  return unionOfScopes([{ scope: text.split(' ').filter((token) => token !== '') }])
}

/** Returns Gatehouse's own scopes among these. */
export function managementScopesIn(scope: string[]): string[] {
  return scope.filter((token) => (MANAGEMENT_SCOPE as readonly string[]).includes(token))
}
