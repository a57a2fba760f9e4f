import type { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { initial } from './migrations/0001-initial.ts'
import type { Tables } from './tables.ts'

const migrations = { '0001-initial': initial }

/** Brings the database to the newest schema; one process does it, the others wait. Returns the names of what ran. */
export async function migrate(db: Kysely<Tables>): Promise<string[]> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } })
  const { error, results } = await migrator.migrateToLatest()
  if (error) throw error
  return (results ?? []).map(({ migrationName }) => migrationName)
}
