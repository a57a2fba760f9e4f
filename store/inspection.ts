import { accessSync, constants } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect, sql } from 'kysely'
import type { SigningKey } from '../domain/model/signing-key.ts'
import { compareMigrations, executedMigrations } from './migrate.ts'
import { postgresDialect } from './postgres.ts'
import { createSigningKeys } from './signing-keys.ts'
import { refuseOtherThanFile, sqlitePathOf } from './sqlite/path.ts'
import type { Tables } from './tables.ts'

const READ_TIMEOUT = 1000
const UNSAFE_POSTGRES = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }

/** What an engine says of itself. */
export interface DatabaseState {
  engine: 'sqlite' | 'postgres'
  version: string
  /** Why nothing can be written; undefined where it can. */
  readOnly: string | undefined
  /** Settings of the engine by which an acknowledged change can be lost, as `name = value`. */
  unsafe: string[]
  /** Whether Gatehouse's role may do anything in the whole server. */
  isSuperuser: boolean
  /** Migrations that this version would run, and those that only a newer one knows. */
  pending: string[]
  unknown: string[]
}

/** What a database says of itself, nothing in it changed: no migration is run. */
export interface Inspection extends DatabaseState {
  /** Whether no version of Gatehouse was ever here. */
  isEmpty: boolean
  /** When this was read, here: milliseconds since the epoch. */
  readAt: number
  /** Of the database's server, and by how many milliseconds it may be wrong; undefined where it is this machine. */
  clock: { now: number; tolerance: number } | undefined
  /** When the newest audit event was written. */
  newestEvent: number | undefined
  signingKeys: SigningKey[]
}

type EngineSays = Pick<Inspection, 'version' | 'readOnly' | 'unsafe' | 'isSuperuser' | 'readAt' | 'clock'>

/** Looks at `file:…` (which must be there) or `postgres:…`. Rejects where it cannot be reached. */
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
    const executed = await executedMigrations(db)
    const migrations = compareMigrations(executed, engine)
    // Tables of another version may be others.
    const isOurs = migrations.pending.length + migrations.unknown.length === 0
    return {
      engine,
      ...says,
      ...migrations,
      isEmpty: executed.length === 0,
      newestEvent: isOurs ? await newestEvent(db) : undefined,
      signingKeys: isOurs ? await createSigningKeys(db).list() : []
    }
  } finally {
    await db.destroy()
  }
}

async function newestEvent(db: Kysely<Tables>): Promise<number | undefined> {
  // By id, which is indexed and rises with time.
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

// The log and its index stand beside the file: the folder must be writable, too.
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
