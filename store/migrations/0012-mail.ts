import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Mail: what waits for delivery, and one-time tokens that belong to an address and to the browser that asked. */
export const mail: Migration = {
  async up({ schema }: Kysely<unknown>) {
    await schema
      .createTable('outbox')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('sealed', 'text', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('due_at', 'bigint', (column) => column.notNull())
      .addColumn('attempts', 'integer', (column) => column.notNull())
      .execute()
    await schema.createIndex('outbox_by_due').on('outbox').columns(['due_at', 'id']).execute()

    await schema.alterTable('one_time_tokens').addColumn('email', 'text').execute()
    await schema.alterTable('one_time_tokens').addColumn('browser_hash', 'text').execute()
    await schema.alterTable('one_time_tokens').addColumn('code_hash', 'text').execute()
    await schema
      .alterTable('one_time_tokens')
      .addColumn('code_tries', 'integer', (column) => column.notNull().defaultTo(0))
      .execute()
    await schema
      .createIndex('one_time_tokens_by_browser')
      .on('one_time_tokens')
      .column('browser_hash')
      .execute()
  },

  async down({ schema }: Kysely<unknown>) {
    await schema.dropIndex('one_time_tokens_by_browser').execute()
    for (const column of ['code_tries', 'code_hash', 'browser_hash', 'email'])
      await schema.alterTable('one_time_tokens').dropColumn(column).execute()
    await schema.dropTable('outbox').execute()
  }
}
