import { accessSync, constants } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect, sql } from 'kysely'
import type { SigningKey } from '../domain/model/signing-key.ts'
import { compareMigrations } from './migrate.ts'
import { executedMigrations, tablesInTheWay } from './migration-history.ts'
import { postgresDialect } from './postgres.ts'
import { createSigningKeyRepository } from './signing-keys.ts'
import { refuseOtherThanFile, sqlitePathOf } from './sqlite/path.ts'
import type { Tables } from './tables.ts'

export { inTheWayAdvice } from './migrate.ts'

const READ_TIMEOUT = 1000
const UNSAFE_POSTGRES = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }

/** The engine, its settings and its migrations. */
export interface DatabaseState {
  engine: 'sqlite' | 'postgres'
  version: string
  /** Why Gatehouse cannot write to the database; undefined if it can. */
  readOnly: string | undefined
  /** Settings of the engine that can lose an acknowledged change, as `name = value`. */
  unsafe: string[]
  /** Whether Gatehouse's role is a superuser of the server. */
  isSuperuser: boolean
  /** Migrations that this version would run; `unknown` are those of a newer version. */
  pending: string[]
  unknown: string[]
  /** Tables of another program that have names of Gatehouse's tables. */
  inTheWay: string[]
}

/** The state of a database, read without a change to it. */
export interface Inspection extends DatabaseState {
  /** Whether no version of Gatehouse has used the database. */
  isEmpty: boolean
  /** When the state was read, by this machine's clock: milliseconds since the epoch. */
  readAt: number
  /** The database server's clock and the error of its reading, in milliseconds; undefined if the server is this machine. */
  clock: { now: number; tolerance: number } | undefined
  /** When the newest audit event was written. */
  newestEvent: number | undefined
  signingKeys: SigningKey[]
}

type EngineSays = Pick<Inspection, 'version' | 'readOnly' | 'unsafe' | 'isSuperuser' | 'readAt' | 'clock'>

/** Reads the state of `file:…` (which must exist) or `postgres:…`. Rejects if the database cannot be reached. */
export async function inspectDatabase(databaseUrl: string): Promise<Inspection> {
  const path = sqlitePathOf(databaseUrl)
  if (path !== undefined) refuseOtherThanFile(path)
  const engine = path === undefined ? 'postgres' : 'sqlite'
  const dialect =
    path === undefined
      ? postgresDialect(databaseUrl, () => {})
      : new SqliteDialect({
          database: new Database(path, { readonly: true, fileMustExist: true, timeout: READ_TIMEOUT })
        })
  const db = new Kysely<Tables>({ dialect })
  try {
    const says = path === undefined ? await askPostgres(db) : await askSqlite(db, path)
    const executed = await executedMigrations(db, engine)
    const migrations = compareMigrations(executed, engine)
    // Another version may have other tables.
    const isOurs = migrations.pending.length + migrations.unknown.length === 0
    return {
      engine,
      ...says,
      ...migrations,
      inTheWay: await tablesInTheWay(db, engine),
      isEmpty: executed.length === 0,
      newestEvent: isOurs ? await newestEvent(db) : undefined,
      signingKeys: isOurs ? await createSigningKeyRepository(db).list() : []
    }
  } finally {
    await db.destroy()
  }
}

async function newestEvent(db: Kysely<Tables>): Promise<number | undefined> {
  // The id is indexed, and rises with time.
  const row = await db
    .selectFrom('audit_events')
    .select('at')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.at
}

async function askSqlite(db: Kysely<Tables>, path: string): Promise<EngineSays> {
  const { rows } = await sql<{ version: string }>`select sqlite_version() as version`.execute(db)
  const readAt = Date.now()
  return {
    version: rows[0]?.version ?? '',
    readOnly: whyReadOnly(path),
    unsafe: [],
    isSuperuser: false,
    readAt,
    clock: undefined
  }
}

// SQLite keeps its log in the same folder, so the folder must be writable, too.
function whyReadOnly(path: string): string | undefined {
  for (const each of [path, dirname(path)]) {
    try {
      accessSync(each, constants.W_OK)
    } catch {
      return `${each} cannot be written to`
    }
  }
}

async function askPostgres(db: Kysely<Tables>): Promise<EngineSays> {
  const sentAt = Date.now()
  const { rows } = await sql<Record<string, string>>`select
    current_setting('server_version') as version,
    current_setting('transaction_read_only') as read_only,
    current_setting('is_superuser') as is_superuser,
    current_setting('fsync') as fsync,
    current_setting('full_page_writes') as full_page_writes,
    current_setting('synchronous_commit') as synchronous_commit,
    extract(epoch from clock_timestamp()) * 1000 as now`.execute(db)
  const readAt = Date.now()
  const said = rows[0] ?? {}
  const unsafe = Object.entries(UNSAFE_POSTGRES).filter(([name, value]) => said[name] === value)
  return {
    version: said.version ?? '',
    readOnly: said.read_only === 'on' ? 'the server only reads' : undefined,
    isSuperuser: said.is_superuser === 'on',
    unsafe: unsafe.map(([name, value]) => `${name} = ${value}`),
    readAt,
    clock: { now: Math.round(Number(said.now)), tolerance: readAt - sentAt }
  }
}
