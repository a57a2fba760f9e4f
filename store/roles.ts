import type { Kysely } from 'kysely'
import type { Role, Roles } from '../domain/model/store.ts'
import { scopeOfRoles, unionOfScopes } from '../domain/roles/scopes.ts'
import type { Tables } from './tables.ts'

export function createRoleRepository(db: Kysely<Tables>): Roles {
  const named = (names: string[]) =>
    names.length === 0 ? [] : db.selectFrom('roles').selectAll().where('name', 'in', names).execute()

  return {
    async list({ limit, after }) {
      let query = db.selectFrom('roles').selectAll().orderBy('name').limit(limit)
      if (after !== undefined) query = query.where('name', '>', after)
      return (await query.execute()).map(toRole)
    },

    async find(name) {
      const row = await db.selectFrom('roles').selectAll().where('name', '=', name).executeTakeFirst()
      return row && toRole(row)
    },

    async scopeOf(names) {
      return unionOfScopes((await named(names)).map(toRole))
    },

    async missing(names) {
      const found = new Set((await named(names)).map(({ name }) => name))
      return names.filter((name) => !found.has(name))
    },

    async insert({ name, description, scope }) {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('roles')
        .values({ name, description, scope: scope.join(' '), built_in: 0 })
        .onConflict((conflict) => conflict.column('name').doNothing())
        .executeTakeFirst()
      return numInsertedOrUpdatedRows === 1n
    },

    async update({ name, description, scope }) {
      const { numUpdatedRows } = await db
        .updateTable('roles')
        .set({ description, scope: scope.join(' ') })
        .where('name', '=', name)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },

    async delete(name) {
      await db.deleteFrom('roles').where('name', '=', name).where('built_in', '=', 0).execute()
    }
  }
}

function toRole({ name, description, scope, built_in }: Tables['roles']): Role {
  return { name, description, scope: scopeOfRoles([name], scope), builtIn: built_in === 1 }
}
