import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Adds machine clients, their secrets, and the assertions that they have used. */
export const clients: Migration = {
  async up({ schema }: Kysely<unknown>) {
    await schema
      .createTable('clients')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('scope', 'text', (column) => column.notNull())
      .addColumn('audiences', 'text', (column) => column.notNull())
      .addColumn('disabled', 'integer', (column) => column.notNull())
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('jwks', 'text', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .execute()

    await schema
      .createTable('client_secrets')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('client_id', 'text', (column) =>
        column.notNull().references('clients.id').onDelete('cascade')
      )
      .addColumn('hash', 'text', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('expires_at', 'bigint')
      .addColumn('last_used_at', 'bigint')
      .execute()
    await schema.createIndex('client_secrets_by_client').on('client_secrets').column('client_id').execute()

    await schema
      .createTable('used_assertions')
      .addColumn('client_id', 'text', (column) => column.notNull())
      .addColumn('jti', 'text', (column) => column.notNull())
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('used_assertions_pk', ['client_id', 'jti'])
      .execute()
    await schema.createIndex('used_assertions_by_expiry').on('used_assertions').column('expires_at').execute()
  },

  async down({ schema }: Kysely<unknown>) {
    for (const table of ['used_assertions', 'client_secrets', 'clients'])
      await schema.dropTable(table).execute()
  }
}
