import { type Kysely, sql, type Transaction } from 'kysely'
import { Migrator } from 'kysely/migration'
import { Problem } from '../domain/errors.ts'
import type { Store } from '../domain/model/store.ts'
import { SettingsError } from '../domain/settings/settings.ts'
import { currentSchema } from './catalogue.ts'
import { adoptHistory, executedMigrations, HISTORY, tablesInTheWay } from './migration-history.ts'
import { migrationsOf } from './migrations/index.ts'
import type { Tables } from './tables.ts'

/** Kysely's lock around migrations, which an instance of an earlier version takes, too. */
const LOCK = '3853314791062309107'

const CREATE_SCHEMA = '`create schema gatehouse authorization ROLE`'

/** The difference between the migrations of a database and those of this version. */
export interface MigrationState {
  /** Migrations that this version would still run. */
  pending: string[]
  /** Migrations that only a newer version knows. */
  unknown: string[]
}

export function compareMigrations(executed: string[], engine: Store['engine']): MigrationState {
  const known = Object.keys(migrationsOf(engine))
  return {
    pending: known.filter((name) => !executed.includes(name)),
    unknown: executed.filter((name) => !known.includes(name))
  }
}

/** Says why this version refuses a database with unknown migrations. */
export function newerVersionText(unknown: string[]): string {
  return `it is of a newer version of Gatehouse (${unknown.join(', ')}): run that version, or restore a backup made before`
}

/**
 * Runs all pending migrations, and returns their names. One process does it while the others wait. It is one transaction, so
 * that a failure leaves nothing behind. Throws a Problem `unavailable` if the database is of a newer version, and a
 * SettingsError if tables of another program are in the way.
 */
export function migrate(db: Kysely<Tables>, engine: Store['engine']): Promise<string[]> {
  const transaction = db.transaction()
  if (engine === 'sqlite') return transaction.execute((trx) => migrateWithin(trx, engine, {}))
  // After the wait for the lock, the next statement must see what the other instance committed.
  return transaction.setIsolationLevel('read committed').execute(async (trx) => {
    await takeLock(trx)
    const migrationTableSchema = await currentSchema(trx)
    if (migrationTableSchema === undefined) throw noSchema()
    return migrateWithin(trx, engine, { migrationTableSchema })
  })
}

// The lock ends with the transaction: behind PgBouncer, the next statement may use another connection.
async function takeLock(trx: Transaction<Tables>): Promise<void> {
  await sql`set local lock_timeout = 0`.execute(trx)
  await sql`set local statement_timeout = 0`.execute(trx)
  await sql`select pg_advisory_xact_lock(${sql.lit(LOCK)}::bigint)`.execute(trx)
}

async function migrateWithin(
  trx: Transaction<Tables>,
  engine: Store['engine'],
  where: { migrationTableSchema?: string }
): Promise<string[]> {
  const migrations = migrationsOf(engine)
  await adoptHistory(trx, engine)
  const { unknown } = compareMigrations(await executedMigrations(trx, engine), engine)
  if (unknown.length > 0) throw new Problem('unavailable', { cause: new Error(newerVersionText(unknown)) })
  const inTheWay = await tablesInTheWay(trx, engine)
  if (inTheWay.length > 0) throw tablesAreInTheWay(inTheWay, engine)
  const migrator = new Migrator({
    db: trx,
    provider: { getMigrations: async () => migrations },
    migrationTableName: HISTORY.table,
    migrationLockTableName: HISTORY.lock,
    ...where
  })
  const { error, results } = await migrator.migrateToLatest()
  if (error) throw error
  return (results ?? []).map(({ migrationName }) => migrationName)
}

function tablesAreInTheWay(tables: string[], engine: Store['engine']): SettingsError {
  return new SettingsError([
    `DATABASE_URL names a database with tables of another program (${tables.join(', ')}). ${inTheWayAdvice(engine)}`
  ])
}

/** Says what to do if tables of another program have the names of Gatehouse's. */
export function inTheWayAdvice(engine: Store['engine']): string {
  return engine === 'sqlite'
    ? 'Name another file'
    : `Give Gatehouse its own database (createdb --owner=ROLE gatehouse), or its own schema: run ${CREATE_SCHEMA}, and add ?options=-c%20search_path%3Dgatehouse to DATABASE_URL`
}

function noSchema(): SettingsError {
  return new SettingsError([
    `DATABASE_URL has a search_path that names no schema which exists: run ${CREATE_SCHEMA}, or correct it`
  ])
}
