import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Keeps tables small: an index finds revocations by subject, and one instance at a time does a job. */
export const load: Migration = {
  async up({ schema }: Kysely<unknown>) {
    await schema.createIndex('revocations_by_subject').on('revocations').columns(['kind', 'id']).execute()
    await schema
      .createTable('jobs')
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('due_at', 'bigint', (column) => column.notNull())
      .execute()
  },

  async down({ schema }: Kysely<unknown>) {
    await schema.dropTable('jobs').execute()
    await schema.dropIndex('revocations_by_subject').execute()
  }
}
