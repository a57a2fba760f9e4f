import type { Role } from '../model/role.ts'

export const ADMIN_ROLE = 'admin'
/** The role that everybody has. */
export const USER_ROLE = 'user'

/** Lets its holder hand out application scopes that they lack, and act on accounts that have them. */
export const ROLES_ASSIGN = 'roles:assign'

/** The scopes that Gatehouse itself asks for. `admin` has them all. */
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

/** These roles and the one that everybody has: sorted, without repeats. */
export function heldRoles(roles: string[]): string[] {
  return [...new Set([...roles, USER_ROLE])].sort()
}

/** These roles but for the one that everybody has, which distinguishes no account from another. */
export function assignedRoles(roles: string[]): string[] {
  return roles.filter((role) => role !== USER_ROLE)
}

/** The scope that several roles give together: sorted, without repeats. */
export function unionOfScopes(roles: Pick<Role, 'scope'>[]): string[] {
  return [...new Set(roles.flatMap(({ scope }) => scope))].sort()
}

/**
 * What roles allow together, given the scopes that the database has for them. What `admin` may do is a fact of the
 * program, so that a new version's new scopes need no migration.
 */
export function scopeOfRoles(roles: string[], stored: string): string[] {
  const granted = roles.includes(ADMIN_ROLE) ? [...MANAGEMENT_SCOPE] : []
  return unionOfScopes([{ scope: granted }, { scope: parseScope(stored) }])
}

/** A space-separated scope (RFC 6749 §3.3) as a sorted list without repeats. */
export function parseScope(text: string): string[] {
  return unionOfScopes([{ scope: text.split(' ').filter((token) => token !== '') }])
}

/** Scopes of Gatehouse's own among these. */
export function managementScopesIn(scope: string[]): string[] {
  return scope.filter((token) => (MANAGEMENT_SCOPE as readonly string[]).includes(token))
}
