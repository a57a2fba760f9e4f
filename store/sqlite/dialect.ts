import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import type { EngineDialect } from '../engine-dialect.ts'
import { withOutages } from '../unavailable.ts'
import { SqliteDriver } from './driver.ts'

class GatehouseSqliteAdapter extends SqliteAdapter {
  // The writer orders transactions itself, so Kysely need not lock the connection.
  override get supportsMultipleConnections(): boolean {
    return true
  }

  // SQLite rolls DDL back, too, so a migration runs completely or not at all.
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

/** Opens the embedded database at this path. Makes it if it is missing, readable by its owner alone. */
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
