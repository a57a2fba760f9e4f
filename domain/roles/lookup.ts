import type { Repositories } from '../model/store.ts'
import { unionOfScopes } from './scopes.ts'

/** The roles as one query found them. */
export interface RoleLookup {
  /** Returns the names that are no role. */
  missing(names: string[]): string[]
  /** Returns the scope of these roles together: sorted, without duplicates. */
  scopeOf(names: string[]): string[]
}

/** Reads these roles in one statement. */
export async function lookUpRoles(db: Repositories, names: string[]): Promise<RoleLookup> {
  const found = names.length === 0 ? [] : await db.roles.findAll([...new Set(names)])
  const byName = new Map(found.map((role) => [role.name, role]))
  return {
    missing: (wanted) => wanted.filter((name) => !byName.has(name)),
    scopeOf: (wanted) => unionOfScopes(wanted.flatMap((name) => byName.get(name) ?? []))
  }
}
