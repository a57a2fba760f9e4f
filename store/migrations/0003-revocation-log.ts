import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Store } from '../../domain/model/store.ts'

interface Before {
  revocations: { kind: string; id: string; min_version: number | null; expires_at: number }
}

/**
 * Makes the revocations a log. The position is the writing transaction on PostgreSQL, and a sequence on SQLite. A reader knows
 * by it where to continue, for any length of a transaction, and independent of clocks.
 */
export function revocationLog(engine: Store['engine']): Migration {
  return {
    async up(db: Kysely<Before>) {
      const live = await db
        .selectFrom('revocations')
        .select(['kind', 'id', 'min_version', 'expires_at'])
        .execute()
      await db.schema.dropTable('revocations').execute()
      const table = db.schema.createTable('revocations')
      const positioned =
        engine === 'sqlite'
          ? table.addColumn('position', 'integer', (column) => column.primaryKey().autoIncrement())
          : table.addColumn('position', 'bigint', (column) =>
              column.notNull().defaultTo(sql`(pg_current_xact_id()::text::bigint)`)
            )
      await positioned
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('min_version', 'integer')
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .execute()
      if (engine === 'postgres') {
        await db.schema.createIndex('revocations_by_position').on('revocations').column('position').execute()
      }
      await db.schema.createIndex('revocations_by_expiry').on('revocations').column('expires_at').execute()
      if (live.length > 0) await db.insertInto('revocations').values(live).execute()
    },

    async down(db: Kysely<unknown>) {
      await db.schema.dropTable('revocations').execute()
      await db.schema
        .createTable('revocations')
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('id', 'text', (column) => column.notNull())
        .addColumn('min_version', 'integer')
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .addColumn('recorded_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('revocations_pk', ['kind', 'id'])
        .execute()
      await db.schema.createIndex('revocations_by_time').on('revocations').column('recorded_at').execute()
    }
  }
}
