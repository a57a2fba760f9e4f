import type { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import type { Store } from '../domain/store.ts'
import { initial } from './migrations/0001-initial.ts'
import { keySchedule } from './migrations/0002-key-schedule.ts'
import { revocationLog } from './migrations/0003-revocation-log.ts'
import { clients } from './migrations/0004-clients.ts'
import type { Tables } from './tables.ts'

const migrationsOf = (engine: Store['engine']) => ({
  '0001-initial': initial,
  '0002-key-schedule': keySchedule,
  '0003-revocation-log': revocationLog(engine),
  '0004-clients': clients
})

/** Brings the database to the newest schema; one process does it, the others wait. Returns the names of what ran. */
export async function migrate(db: Kysely<Tables>, engine: Store['engine']): Promise<string[]> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrationsOf(engine) } })
  const { error, results } = await migrator.migrateToLatest()
  if (error) throw error
  return (results ?? []).map(({ migrationName }) => migrationName)
}
