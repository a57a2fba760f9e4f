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
import type { Tables } from './tables.ts'

export const migrationsOf = (engine: Store['engine']) => ({
  '0001-initial': initial,
  '0002-key-schedule': keySchedule,
  '0003-revocation-log': revocationLog(engine),
  '0004-clients': clients,
  '0005-session-handover': sessionHandover,
  '0006-login-limits': loginLimits,
  '0007-authority': authority,
  '0009-load': load
})

/** How the migrations that a database went through compare with those of this version. */
export interface MigrationState {
  /** What this version would still run. */
  pending: string[]
  /** What only a newer version knows. */
  unknown: string[]
}

export function compareMigrations(executed: string[], engine: Store['engine']): MigrationState {
  const known = Object.keys(migrationsOf(engine))
  return {
    pending: known.filter((name) => !executed.includes(name)),
    unknown: executed.filter((name) => !known.includes(name))
  }
}

/** Why a database with migrations that this version does not know is refused, in words. */
export function newerVersionText(unknown: string[]): string {
  return `it is of a newer version of Gatehouse (${unknown.join(', ')}): run that version, or restore a backup made before`
}

/**
 * Brings the database to the newest schema; one process does it, the others wait. Returns the names of what ran. Throws a
 * Problem `unavailable` where the database is of a newer version.
 */
export async function migrate(db: Kysely<Tables>, engine: Store['engine']): Promise<string[]> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrationsOf(engine) } })
  const { error, results } = await migrator.migrateToLatest()
  if (error) throw (await newerVersion(db, engine)) ?? error
  return (results ?? []).map(({ migrationName }) => migrationName)
}

// Asked afterwards, for another instance may have brought it there while this one waited.
async function newerVersion(db: Kysely<Tables>, engine: Store['engine']): Promise<Problem | undefined> {
  const executed = await executedMigrations(db).catch(() => [])
  const { unknown } = compareMigrations(executed, engine)
  if (unknown.length === 0) return undefined
  return new Problem('unavailable', { cause: new Error(newerVersionText(unknown)) })
}

/** In the order in which they were run; none where the database is empty. */
export async function executedMigrations(db: Kysely<Tables>): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some(({ name }) => name === 'kysely_migration')) return []
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)
  return rows.map(({ name }) => name)
}
