import { type Kysely, sql } from 'kysely'
import type { Store } from '../domain/model/store.ts'
import { tablesHere } from './catalogue.ts'
import { migrationsOf } from './migrations/index.ts'
import { TABLE_NAMES, type Tables } from './tables.ts'

/** The tables of Kysely's migrator. The names are Gatehouse's own, because another app may use Kysely in the same schema. */
export const HISTORY = { table: 'gatehouse_migration', lock: 'gatehouse_migration_lock' }
/** Their names in earlier versions: Kysely's. */
export const EARLIER_HISTORY = { table: 'kysely_migration', lock: 'kysely_migration_lock' }
/** Tables of the first migration that no other app has by chance. */
const TELLING = ['signing_keys', 'login_throttles', 'one_time_tokens']

/** Returns the migrations of a database in the order in which they ran; none if the database is empty. */
export async function executedMigrations(db: Kysely<Tables>, engine: Store['engine']): Promise<string[]> {
  const tables = await tablesHere(db, engine)
  if (tables.has(HISTORY.table)) return namesIn(db, HISTORY.table)
  return earlierMigrations(db, tables, engine)
}

/**
 * Gives the tables of an earlier version their new names. Leaves those of another app alone. Call it in the transaction that
 * migrates, under its lock.
 */
export async function adoptHistory(db: Kysely<Tables>, engine: Store['engine']): Promise<void> {
  const tables = await tablesHere(db, engine)
  if (tables.has(HISTORY.table) || (await earlierMigrations(db, tables, engine)).length === 0) return
  await db.schema.alterTable(EARLIER_HISTORY.table).renameTo(HISTORY.table).execute()
  if (tables.has(EARLIER_HISTORY.lock))
    await db.schema.alterTable(EARLIER_HISTORY.lock).renameTo(HISTORY.lock).execute()
}

/** Returns the tables of another program that have names of Gatehouse's tables; none once Gatehouse is installed. */
export async function tablesInTheWay(db: Kysely<Tables>, engine: Store['engine']): Promise<string[]> {
  if ((await executedMigrations(db, engine)).length > 0) return []
  const tables = await tablesHere(db, engine)
  return TABLE_NAMES.filter((name) => tables.has(name))
}

// Another app's migrations may have such names, and its tables belong to another role.
async function earlierMigrations(
  db: Kysely<Tables>,
  tables: Map<string, boolean>,
  engine: Store['engine']
): Promise<string[]> {
  const isOurs = tables.get(EARLIER_HISTORY.table) && TELLING.every((name) => tables.has(name))
  const names = isOurs ? await namesIn(db, EARLIER_HISTORY.table) : []
  const known = Object.keys(migrationsOf(engine))
  return names.every((name) => known.includes(name)) ? names : []
}

async function namesIn(db: Kysely<Tables>, table: string): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(table)} order by name`.execute(db)
  return rows.map(({ name }) => name)
}
