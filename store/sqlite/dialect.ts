import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import type { EngineDialect } from '../engine-dialect.ts'
import { withOutages } from '../unavailable.ts'
import { SqliteDriver } from './driver.ts'

class GatehouseSqliteAdapter extends SqliteAdapter {
  // The writer puts transactions in order itself: Kysely need not lock the one connection that it expects.
  override get supportsMultipleConnections(): boolean {
    return true
  }

  // SQLite rolls DDL back like anything else, so that a migration is done whole or not at all.
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

/** The embedded database at this path, made where it is missing, for nobody else on the machine to read. */
export function sqliteDialect(path: string): EngineDialect {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  closeSync(openSync(path, 'a', 0o600))
  const driver = new SqliteDriver(path)
  return {
    load: () => driver.load(),
    createAdapter: () => new GatehouseSqliteAdapter(),
    createDriver: () => withOutages(driver),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler()
  }
}
