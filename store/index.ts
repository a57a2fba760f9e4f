import { Kysely, sql } from 'kysely'
import type { Committed, Repositories, Store, Transaction } from '../domain/model/store.ts'
import { createAuditRepository } from './audit.ts'
import { createClientRepository } from './clients.ts'
import type { EngineDialect } from './engine-dialect.ts'
import { createJobRepository } from './jobs.ts'
import { migrate } from './migrate.ts'
import { createOneTimeTokenRepository } from './one-time-tokens.ts'
import { createOutboxRepository } from './outbox.ts'
import { patientPostgresDialect, postgresDialect } from './postgres.ts'
import { purge } from './retention.ts'
import { createRevocationRepository } from './revocations.ts'
import { createRoleRepository } from './roles.ts'
import { createServiceIdentityRepository } from './service-identity.ts'
import { createSessionRepository } from './sessions.ts'
import { createSigningKeyRepository } from './signing-keys.ts'
import { sqliteDialect } from './sqlite/dialect.ts'
import { sqlitePathOf } from './sqlite/path.ts'
import { removeDrafts } from './sqlite/restore.ts'
import { lockDatabase, type ServiceLock } from './sqlite/service-lock.ts'
import type { Tables } from './tables.ts'
import { createThrottleRepository } from './throttles.ts'
import { asUnavailable } from './unavailable.ts'
import { fillUserSearch } from './user-search.ts'
import { createUserRepository } from './users.ts'

/** PostgreSQL's advisory lock keys, by the names of `exclusive`. SQLite needs none, because it has one writer. */
const LOCKS = { roles: 7_001, 'signing-keys': 7_002, clients: 7_003 }

export interface OpenedStore {
  store: Store
  /** The migrations that this opening ran. */
  migrated: string[]
}

/** Opens `file:…` (SQLite) or `postgres:…`, and migrates its schema. Rejects if the database cannot be reached. */
export async function openStore(
  databaseUrl: string,
  onIdleError: (error: Error) => void
): Promise<OpenedStore> {
  const engine = databaseUrl.startsWith('file:') ? 'sqlite' : 'postgres'
  const dialect = dialectOf(databaseUrl, onIdleError)
  const db = new Kysely<Tables>({ dialect })
  try {
    const migrated =
      engine === 'sqlite' ? await migrate(db, engine) : await migratePostgres(databaseUrl, onIdleError)
    await fillUserSearch(db)
    return { store: createStore(db, engine, dialect.load), migrated }
  } catch (error) {
    await db.destroy()
    throw asUnavailable(error)
  }
}

// Migrates on a separate connection without time limits, which would end a long migration or the wait for another instance.
async function migratePostgres(url: string, onIdleError: (error: Error) => void): Promise<string[]> {
  const db = new Kysely<Tables>({ dialect: patientPostgresDialect(url, onIdleError) })
  try {
    return await migrate(db, 'postgres')
  } finally {
    await db.destroy()
  }
}

/** Locks an embedded database for one service. Returns undefined for PostgreSQL. */
export function acquireServiceLock(databaseUrl: string): ServiceLock | undefined {
  const path = sqlitePathOf(databaseUrl)
  if (path === undefined) return undefined
  const lock = lockDatabase(path)
  removeDrafts(path)
  return lock
}

function dialectOf(databaseUrl: string, onIdleError: (error: Error) => void): EngineDialect {
  const path = sqlitePathOf(databaseUrl)
  return path === undefined ? postgresDialect(databaseUrl, onIdleError) : sqliteDialect(path)
}

function createStore(db: Kysely<Tables>, engine: Store['engine'], load: Store['load']): Store {
  const listeners: Array<(committed: Committed) => void> = []
  const announce = (committed: Partial<Committed>) => {
    for (const listener of listeners) listener({ audited: [], revoked: [], enqueued: 0, ...committed })
  }

  return {
    ...createRepositories(db, engine, announce),
    engine,

    async transaction(work) {
      const committed: Committed = { audited: [], revoked: [], enqueued: 0 }
      const collect = ({ audited = [], revoked = [], enqueued = 0 }: Partial<Committed>) => {
        committed.audited.push(...audited)
        committed.revoked.push(...revoked)
        committed.enqueued += enqueued
      }
      const result = await db.transaction().execute((trx) => {
        const tx: Transaction = {
          ...createRepositories(trx, engine, collect),
          async exclusive(name) {
            if (engine === 'postgres') await sql`select pg_advisory_xact_lock(${LOCKS[name]})`.execute(trx)
          }
        }
        return work(tx)
      })
      announce(committed)
      return result
    },

    onCommit(listener) {
      listeners.push(listener)
    },

    async ping() {
      await sql`select 1`.execute(db)
    },

    load,

    purge: (now, atMost) => purge(db, now, atMost),

    close: () => db.destroy()
  }
}

function createRepositories(
  db: Kysely<Tables>,
  engine: Store['engine'],
  announce: (committed: Partial<Committed>) => void
): Repositories {
  return {
    users: createUserRepository(db),
    sessions: createSessionRepository(db),
    roles: createRoleRepository(db),
    signingKeys: createSigningKeyRepository(db),
    revocations: createRevocationRepository(db, engine, (revoked) => announce({ revoked })),
    clients: createClientRepository(db),
    throttles: createThrottleRepository(db),
    oneTimeTokens: createOneTimeTokenRepository(db),
    audit: createAuditRepository(db, (event) => announce({ audited: [event] })),
    jobs: createJobRepository(db),
    outbox: createOutboxRepository(db, engine, () => announce({ enqueued: 1 })),
    serviceIdentity: createServiceIdentityRepository(db)
  }
}
