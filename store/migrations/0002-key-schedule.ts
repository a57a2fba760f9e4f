import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Adds the time from which a signing key signs. Its status (active, next or retired) follows from that. */
export const keySchedule: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('signing_keys')
      .addColumn('imported', 'integer', (column) => column.notNull().defaultTo(0))
      .execute()
    await db.schema
      .alterTable('signing_keys')
      .addColumn('activates_at', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute()
    await sql`update signing_keys set activates_at = created_at`.execute(db)
    await db.schema.alterTable('signing_keys').dropColumn('status').execute()
  },

  async down(db: Kysely<unknown>) {
    await db.schema
      .alterTable('signing_keys')
      .addColumn('status', 'text', (column) => column.notNull().defaultTo('retired'))
      .execute()
    await sql`update signing_keys set status = 'active'
      where activates_at = (select max(activates_at) from signing_keys)`.execute(db)
    await db.schema.alterTable('signing_keys').dropColumn('activates_at').execute()
    await db.schema.alterTable('signing_keys').dropColumn('imported').execute()
  }
}
