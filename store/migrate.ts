import { type Kysely, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import { Problem } from '../domain/errors.ts'
import type { Store } from '../domain/model/store.ts'
import { initial } from './migrations/0001-initial.ts'
import { keySchedule } from './migrations/0002-key-schedule.ts'
import { revocationLog } from './migrations/0003-revocation-log.ts'
import { clients } from './migrations/0004-clients.ts'
import { sessionHandover } from './migrations/0005-session-handover.ts'
import { loginLimits } from './migrations/0006-login-limits.ts'
import { authority } from './migrations/0007-authority.ts'
import { load } from './migrations/0009-load.ts'
import { serviceIdentity } from './migrations/0010-service-identity.ts'
import type { Tables } from './tables.ts'

export const migrationsOf = (engine: Store['engine']) => ({
  '0001-initial': initial,
  '0002-key-schedule': keySchedule,
  '0003-revocation-log': revocationLog(engine),
  '0004-clients': clients,
  '0005-session-handover': sessionHandover,
  '0006-login-limits': loginLimits,
  '0007-authority': authority,
  '0009-load': load,
  '0010-service-identity': serviceIdentity
})

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
 * Runs all pending migrations, and returns their names. One process does it while the others wait. Throws a Problem
 * `unavailable` if the database is of a newer version.
 */
export async function migrate(db: Kysely<Tables>, engine: Store['engine']): Promise<string[]> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrationsOf(engine) } })
  const { error, results } = await migrator.migrateToLatest()
  if (error) throw (await newerVersion(db, engine)) ?? error
  return (results ?? []).map(({ migrationName }) => migrationName)
}

// Runs after the migration, because a newer instance may have migrated the database while this one waited.
async function newerVersion(db: Kysely<Tables>, engine: Store['engine']): Promise<Problem | undefined> {
  const executed = await executedMigrations(db).catch(() => [])
  const { unknown } = compareMigrations(executed, engine)
  if (unknown.length === 0) return undefined
  return new Problem('unavailable', { cause: new Error(newerVersionText(unknown)) })
}

/** Returns the migrations of a database in the order in which they ran; none if the database is empty. */
export async function executedMigrations(db: Kysely<Tables>): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some(({ name }) => name === 'kysely_migration')) return []
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)
  return rows.map(({ name }) => name)
}
