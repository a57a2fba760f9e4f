import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Adds the texts that a search of users compares. `user-search.ts` fills them for accounts that have none. */
export const userSearch: Migration = {
  async up(db: Kysely<unknown>) {
    for (const column of ['folded_email', 'folded_name'])
      await db.schema.alterTable('users').addColumn(column, 'text').execute()
    // Empty once all are filled, so that each start finds at once that there is nothing to fill.
    await sql`create index users_without_folded on users (id) where folded_email is null`.execute(db)
  },

  async down({ schema }: Kysely<unknown>) {
    await schema.dropIndex('users_without_folded').execute()
    for (const column of ['folded_email', 'folded_name'])
      await schema.alterTable('users').dropColumn(column).execute()
  }
}
