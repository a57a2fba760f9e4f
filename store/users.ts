import { type Kysely, sql } from 'kysely'
import { foldedEmail, foldedText } from '../domain/accounts/search-text.ts'
import type { InsertedUser, User, UserRepository } from '../domain/model/user.ts'
import { assignedRoles, scopeOfRoles, USER_ROLE } from '../domain/roles/scopes.ts'
import type { Tables } from './tables.ts'
import { foldedName } from './user-search.ts'

type Row = Tables['users'] & { roles: string | null; scope: string | null }

export function createUserRepository(db: Kysely<Tables>): UserRepository {
  // One statement, so that the version, the roles and the scope are of the same moment.
  const users = () =>
    db
      .selectFrom('users')
      .selectAll('users')
      .select([
        sql<string | null>`(select string_agg(role_name, ' ') from user_roles where user_id = users.id)`.as(
          'roles'
        ),
        sql<string | null>`(select string_agg(scope, ' ') from roles where name = ${USER_ROLE}
          or name in (select role_name from user_roles where user_id = users.id))`.as('scope')
      ])

  const holdersOf = (role: string) =>
    db.selectFrom('user_roles').select('user_id').where('role_name', '=', role)

  async function insertAll(inserted: InsertedUser[]): Promise<string[]> {
    if (inserted.length === 0) return []
    const rows = await db
      .insertInto('users')
      .values(inserted.map(toRow))
      .onConflict((conflict) => conflict.column('email').doNothing())
      .returning('id')
      .execute()
    return rows.map(({ id }) => id)
  }

  async function addRoles(holders: Array<{ id: string; roles: string[] }>): Promise<void> {
    const rows = holders.flatMap(({ id, roles }) =>
      assignedRoles([...new Set(roles)]).map((role) => ({ user_id: id, role_name: role }))
    )
    if (rows.length > 0) await db.insertInto('user_roles').values(rows).execute()
  }

  return {
    insert: async (user) => (await insertAll([user])).length === 1,

    insertAll,

    async find(id) {
      const row = await users().where('id', '=', id).executeTakeFirst()
      return row && toUser(row)
    },

    async findByEmail(email) {
      const row = await users().where('email', '=', email).executeTakeFirst()
      return row && toUser(row)
    },

    async findByEmails(emails) {
      if (emails.length === 0) return []
      return (await users().where('email', 'in', emails).execute()).map(toUser)
    },

    async list({ limit, after, search, role, disabled }) {
      let query = users().orderBy('id').limit(limit)
      if (after !== undefined) query = query.where('id', '>', after)
      if (search !== undefined) {
        const pattern = `%${foldedText(search).replace(/[\\%_]/g, '\\$&')}%`
        query = query.where(
          sql<boolean>`(folded_email like ${pattern} escape '\\' or folded_name like ${pattern} escape '\\')`
        )
      }
      if (role !== undefined && role !== USER_ROLE) query = query.where('id', 'in', holdersOf(role))
      if (disabled !== undefined) query = query.where('disabled', '=', Number(disabled))
      return (await query.execute()).map(toUser)
    },

    async recordLogin(id, passwordHash, now) {
      const { numUpdatedRows } = await db
        .updateTable('users')
        .set({ last_login_at: now })
        .where('id', '=', id)
        .where('password_hash', '=', passwordHash)
        .where('disabled', '=', 0)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },

    async setPasswordHash(id, expected, hash) {
      const { numUpdatedRows } = await db
        .updateTable('users')
        .set((columns) => ({ password_hash: hash, device_epoch: columns('device_epoch', '+', 1) }))
        .where('id', '=', id)
        .where('password_hash', expected === null ? 'is' : '=', expected)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },

    async rehashPassword(id, expected, hash) {
      await db
        .updateTable('users')
        .set({ password_hash: hash })
        .where('id', '=', id)
        .where('password_hash', '=', expected)
        .execute()
    },

    async voidPassword(id) {
      await db.updateTable('users').set({ password_hash: null }).where('id', '=', id).execute()
    },

    async proveEmail(id) {
      await db
        .updateTable('users')
        .set({
          email_verified: 1,
          name: sql`case when password_hash is null then name end`,
          folded_name: sql`case when password_hash is null then folded_name end`
        })
        .where('id', '=', id)
        .execute()
    },

    async setName(id, name) {
      await db
        .updateTable('users')
        .set({ name, folded_name: foldedName(name) })
        .where('id', '=', id)
        .execute()
    },

    async setEmailVerified(id) {
      await db.updateTable('users').set({ email_verified: 1 }).where('id', '=', id).execute()
    },

    async setDisabled(id, disabled) {
      await db
        .updateTable('users')
        .set((columns) => ({
          disabled: Number(disabled),
          device_epoch: columns('device_epoch', '+', Number(disabled))
        }))
        .where('id', '=', id)
        .execute()
    },

    async setRoles(id, roles) {
      await db.deleteFrom('user_roles').where('user_id', '=', id).execute()
      await addRoles([{ id, roles }])
    },

    addRoles,

    async bumpVersion(of) {
      let query = db
        .updateTable('users')
        .set((columns) => ({ version: columns('version', '+', 1) }))
        .returning(['id', 'version'])
      if ('id' in of) query = query.where('id', '=', of.id)
      else if (of.role !== USER_ROLE) query = query.where('id', 'in', holdersOf(of.role))
      return query.execute()
    },

    async raiseVersions(least, atMost) {
      const lower = db.selectFrom('users').select('id').where('version', '<', least).limit(atMost)
      const rows = await db
        .updateTable('users')
        .set({ version: least })
        .where('id', 'in', lower)
        .returning('id')
        .execute()
      return rows.map(({ id }) => id)
    },

    async delete(id) {
      const { numDeletedRows } = await db.deleteFrom('users').where('id', '=', id).executeTakeFirst()
      return numDeletedRows === 1n
    },

    async countAdministrators() {
      const { count } = await db
        .selectFrom('users')
        .innerJoin('user_roles', 'user_roles.user_id', 'users.id')
        .select((columns) => columns.fn.countAll<number | string>().as('count'))
        .where('role_name', '=', 'admin')
        .where('disabled', '=', 0)
        .where('password_hash', 'is not', null)
        .executeTakeFirstOrThrow()
      return Number(count)
    },

    async listRoleSets() {
      const rows = await db
        .selectFrom(
          db
            .selectFrom('user_roles')
            .select(sql<string>`string_agg(role_name, ' ' order by role_name)`.as('roles'))
            .groupBy('user_id')
            .as('held')
        )
        .select('roles')
        .distinct()
        .execute()
      return rows.map(({ roles }) => rolesOf(roles))
    }
  }
}

function toRow(user: InsertedUser): Tables['users'] {
  return {
    id: user.id,
    email: user.email,
    name: user.name,
    folded_email: foldedEmail(user.email),
    folded_name: foldedName(user.name),
    password_hash: user.passwordHash,
    version: user.version,
    disabled: Number(user.disabled),
    email_verified: Number(user.emailVerified),
    created_at: user.createdAt,
    last_login_at: null,
    device_epoch: 0
  }
}

function toUser(row: Row): User {
  const roles = rolesOf(row.roles)
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    passwordHash: row.password_hash,
    version: row.version,
    disabled: row.disabled === 1,
    emailVerified: row.email_verified === 1,
    createdAt: row.created_at,
    lastLoginAt: row.last_login_at,
    deviceEpoch: row.device_epoch,
    roles,
    scope: scopeOfRoles(roles, row.scope ?? '')
  }
}

function rolesOf(held: string | null): string[] {
  return [...(held?.split(' ') ?? []), USER_ROLE].sort()
}
