import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Keeps the issuer and the audience of the service, so that a command with other settings can say so. */
export const serviceIdentity: Migration = {
  async up({ schema }: Kysely<unknown>) {
    await schema
      .createTable('service_identity')
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .addColumn('issuer', 'text', (column) => column.notNull())
      .addColumn('audience', 'text', (column) => column.notNull())
      .execute()
  },

  async down({ schema }: Kysely<unknown>) {
    await schema.dropTable('service_identity').execute()
  }
}
