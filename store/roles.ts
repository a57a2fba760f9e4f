import type { Kysely } from 'kysely'
import type { Role, RoleRepository } from '../domain/model/role.ts'
import { scopeOfRoles } from '../domain/roles/scopes.ts'
import type { Tables } from './tables.ts'

export function createRoleRepository(db: Kysely<Tables>): RoleRepository {
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

    async findAll(names) {
      return (await db.selectFrom('roles').selectAll().where('name', 'in', names).execute()).map(toRole)
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
