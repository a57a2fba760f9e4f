import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Adds the account and the end of each count of tries. Adds counts of refused tries, and the epoch of an account's devices. */
export const loginLimits: Migration = {
  async up({ schema }: Kysely<unknown>) {
    await schema
      .alterTable('users')
      .addColumn('device_epoch', 'integer', (column) => column.notNull().defaultTo(0))
      .execute()

    await schema.alterTable('login_throttles').addColumn('account', 'text').execute()
    // Rows of the previous version expire at once: their counts start again.
    await schema
      .alterTable('login_throttles')
      .addColumn('forget_at', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute()
    await schema.createIndex('login_throttles_by_account').on('login_throttles').column('account').execute()

    await schema
      .createTable('blocked_logins')
      .addColumn('account', 'text', (column) => column.primaryKey())
      .addColumn('user_id', 'text')
      .addColumn('ip', 'text')
      .addColumn('unreported', 'integer', (column) => column.notNull())
      .addColumn('reported', 'integer', (column) => column.notNull())
      .addColumn('report_at', 'bigint', (column) => column.notNull())
      .execute()
  },

  async down({ schema }: Kysely<unknown>) {
    await schema.dropTable('blocked_logins').execute()
    await schema.dropIndex('login_throttles_by_account').execute()
    await schema.alterTable('login_throttles').dropColumn('forget_at').execute()
    await schema.alterTable('login_throttles').dropColumn('account').execute()
    await schema.alterTable('users').dropColumn('device_epoch').execute()
  }
}
