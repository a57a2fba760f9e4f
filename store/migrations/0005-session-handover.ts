import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Adds whether a client has used the newest refresh token of a session. */
export const sessionHandover: Migration = {
  async up({ schema }: Kysely<unknown>) {
    await schema
      .alterTable('sessions')
      .addColumn('handover', 'text', (column) => column.notNull().defaultTo('seen'))
      .execute()
  },

  async down({ schema }: Kysely<unknown>) {
    await schema.alterTable('sessions').dropColumn('handover').execute()
  }
}
