import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Creates the tables of accounts, roles, sessions, keys, revocations, throttles, one-time tokens and the audit trail. */
export const initial: Migration = {
  async up(db: Kysely<unknown>) {
    const { schema } = db

    await schema
      .createTable('users')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('email', 'text', (column) => column.notNull().unique())
      .addColumn('name', 'text')
      .addColumn('password_hash', 'text')
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('disabled', 'integer', (column) => column.notNull())
      .addColumn('email_verified', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('last_login_at', 'bigint')
      .execute()

    await schema
      .createTable('roles')
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('description', 'text', (column) => column.notNull())
      .addColumn('scope', 'text', (column) => column.notNull())
      .addColumn('built_in', 'integer', (column) => column.notNull())
      .execute()

    await schema
      .createTable('user_roles')
      .addColumn('user_id', 'text', (column) => column.notNull().references('users.id').onDelete('cascade'))
      .addColumn('role_name', 'text', (column) =>
        column.notNull().references('roles.name').onDelete('cascade')
      )
      .addPrimaryKeyConstraint('user_roles_pk', ['user_id', 'role_name'])
      .execute()
    await schema.createIndex('user_roles_by_role').on('user_roles').column('role_name').execute()

    await schema
      .createTable('sessions')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('user_id', 'text', (column) => column.notNull().references('users.id').onDelete('cascade'))
      .addColumn('seed', 'text', (column) => column.notNull())
      .addColumn('generation', 'integer', (column) => column.notNull())
      .addColumn('remember', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('auth_time', 'bigint', (column) => column.notNull())
      .addColumn('last_used_at', 'bigint', (column) => column.notNull())
      .addColumn('idle_expires_at', 'bigint', (column) => column.notNull())
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .addColumn('ended_at', 'bigint')
      .addColumn('ended_reason', 'text')
      .addColumn('ip', 'text', (column) => column.notNull())
      .addColumn('user_agent', 'text', (column) => column.notNull())
      .execute()
    await schema.createIndex('sessions_by_user').on('sessions').columns(['user_id', 'id']).execute()
    await schema.createIndex('sessions_by_expiry').on('sessions').column('expires_at').execute()

    await schema
      .createTable('signing_keys')
      .addColumn('kid', 'text', (column) => column.primaryKey())
      .addColumn('algorithm', 'text', (column) => column.notNull())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('public_pem', 'text', (column) => column.notNull())
      .addColumn('sealed_private_key', 'text', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .execute()

    await schema
      .createTable('revocations')
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('id', 'text', (column) => column.notNull())
      .addColumn('min_version', 'integer')
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .addColumn('recorded_at', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('revocations_pk', ['kind', 'id'])
      .execute()
    await schema.createIndex('revocations_by_time').on('revocations').column('recorded_at').execute()

    await schema
      .createTable('login_throttles')
      .addColumn('key', 'text', (column) => column.primaryKey())
      .addColumn('tries', 'integer', (column) => column.notNull())
      .addColumn('blocked_until', 'bigint', (column) => column.notNull())
      .addColumn('last_try_at', 'bigint', (column) => column.notNull())
      .execute()

    await schema
      .createTable('one_time_tokens')
      .addColumn('hash', 'text', (column) => column.primaryKey())
      .addColumn('purpose', 'text', (column) => column.notNull())
      .addColumn('user_id', 'text', (column) => column.references('users.id').onDelete('cascade'))
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .execute()

    // No foreign keys: an event outlives the account that it is about.
    await schema
      .createTable('audit_events')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('at', 'bigint', (column) => column.notNull())
      .addColumn('type', 'text', (column) => column.notNull())
      .addColumn('actor_id', 'text')
      .addColumn('user_id', 'text')
      .addColumn('session_id', 'text')
      .addColumn('ip', 'text')
      .addColumn('user_agent', 'text')
      .addColumn('request_id', 'text')
      .addColumn('detail', 'text', (column) => column.notNull())
      .execute()
    for (const column of ['user_id', 'actor_id', 'type']) {
      await schema
        .createIndex(`audit_events_by_${column}`)
        .on('audit_events')
        .columns([column, 'id'])
        .execute()
    }

    await sql`insert into roles (name, description, scope, built_in) values
      ('admin', 'Administrators: may do everything in Gatehouse', '', 1),
      ('user', 'Everybody', '', 1)`.execute(db)
  },

  async down({ schema }: Kysely<unknown>) {
    for (const table of [
      'audit_events',
      'one_time_tokens',
      'login_throttles',
      'revocations',
      'signing_keys',
      'sessions',
      'user_roles',
      'roles',
      'users'
    ]) {
      await schema.dropTable(table).execute()
    }
  }
}
