import { type Kysely, sql } from 'kysely'
import type { Store } from '../domain/model/store.ts'
import type { Tables } from './tables.ts'

const ON_POSTGRES = sql<{ name: string; isOurs: boolean }>`
  select relname as name, pg_has_role(relowner, 'usage') as "isOurs"
  from pg_class join pg_namespace on pg_namespace.oid = relnamespace
  where nspname = current_schema() and relkind in ('r', 'p', 'v', 'm', 'f') order by relname`
const ON_SQLITE = sql<{ name: string; isOurs: number }>`
  select name, 1 as "isOurs" from sqlite_schema where type in ('table', 'view') order by name`

/** Returns the tables of Gatehouse's own schema. The value says whether Gatehouse's role may do everything with the table. */
export async function tablesHere(db: Kysely<Tables>, engine: Store['engine']): Promise<Map<string, boolean>> {
  const { rows } = await (engine === 'postgres' ? ON_POSTGRES.execute(db) : ON_SQLITE.execute(db))
  return new Map(rows.map(({ name, isOurs }) => [name, Boolean(isOurs)]))
}

/** Returns the schema in which new tables are created; undefined if the search path names none that exists. */
export async function currentSchema(db: Kysely<Tables>): Promise<string | undefined> {
  const { rows } = await sql<{ name: string | null }>`select current_schema() as name`.execute(db)
  return rows[0]?.name ?? undefined
}
