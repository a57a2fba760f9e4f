import { PostgresAdapter, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely'
import pg from 'pg'
import type { EngineDialect } from './engine-dialect.ts'
import { createServerChoice, type ServerChoice } from './postgres-servers.ts'
import { withOutages } from './unavailable.ts'

const INT8 = 20
/** SQLSTATE of a server that only reads. */
const READ_ONLY = '25006'

/** How many connections one instance holds, and how many milliseconds a request waits for one before it is refused. */
const POOL = { max: 10, connectionTimeoutMillis: 1000, idleTimeoutMillis: 30_000 }
/** How many requests may wait for a connection. The next one is refused at once. */
const MAX_QUEUE = 500
/** Milliseconds. */
const STATEMENT_TIMEOUT = 3000
/** Set on each new connection, because PgBouncer refuses a connection that sets them from the start. */
const LIMITS = `set statement_timeout = ${STATEMENT_TIMEOUT}; set lock_timeout = ${STATEMENT_TIMEOUT};
  set idle_in_transaction_session_timeout = ${2 * STATEMENT_TIMEOUT}`
/** Milliseconds after which the client gives up on a server that does not answer at all. */
const SILENCE_TIMEOUT = STATEMENT_TIMEOUT + 1000

// `migrate` takes the lock itself, for the whole transaction.
class UnlockedAdapter extends PostgresAdapter {
  override async acquireMigrationLock(): Promise<void> {}
  override async releaseMigrationLock(): Promise<void> {}
}

/** Connects to PostgreSQL through a bounded pool. Calls `onIdleError` if a connection breaks while no statement runs on it. */
export function postgresDialect(url: string, onIdleError: (error: Error) => void): EngineDialect {
  return pooledDialect(url, { query_timeout: SILENCE_TIMEOUT, ...POOL }, onIdleError, LIMITS)
}

/** Opens one connection without time limits, for migrations: they wait for each other, and build indexes. */
export function patientPostgresDialect(url: string, onIdleError: (error: Error) => void): EngineDialect {
  return pooledDialect(url, { ...POOL, max: 1 }, onIdleError)
}

function pooledDialect(
  url: string,
  options: pg.PoolConfig,
  onIdleError: (error: Error) => void,
  first?: string
): EngineDialect {
  const servers = createServerChoice(url)
  const pool = new pg.Pool({
    application_name: 'gatehouse',
    keepAlive: true,
    types: { getTypeParser: typeParser },
    ...options,
    Client: servers.Client,
    // pg waits for it, and refuses the connection if it fails.
    async onConnect(client) {
      // The pool listens to idle clients only. Without this, a client that breaks between two statements would end the process.
      client.on('error', onIdleError)
      if (first) await client.query(first)
      await servers.refuseReadOnly(client)
    }
  })
  pool.on('error', onIdleError)
  return withOutagesDialect(new PostgresDialect({ pool: withoutUnfitClients(pool, servers) }), pool)
}

// Destroys a client that still waits for an answer, or whose server only reads, instead of returning it to the pool.
function withoutUnfitClients(pool: pg.Pool, servers: ServerChoice): PostgresPool {
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      if (pool.waitingCount >= MAX_QUEUE) throw tooManyConnections()
      const client = await servers.connect(pool)
      let isUnfit = false
      const query = async (text: string, values: unknown[]): Promise<unknown> => {
        try {
          return await client.query(text, values)
        } catch (error) {
          const { message, code } = error as { message?: string; code?: string }
          isUnfit ||= message === 'Query read timeout' || code === READ_ONLY
          if (code === READ_ONLY) servers.leave(client)
          throw error
        }
      }
      return { query: query as PostgresPoolClient['query'], release: () => client.release(isUnfit) }
    }
  }
}

// The SQLSTATE 53300 is PostgreSQL's own code for too many connections.
function tooManyConnections(): Error {
  return Object.assign(new Error('too many requests wait for a connection'), { code: '53300' })
}

// All int8 columns hold numbers far below 2^53, so they are read as numbers, as on SQLite.
const typeParser = ((oid: number, format?: 'text' | 'binary') =>
  oid === INT8 ? Number : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser

function withOutagesDialect(dialect: PostgresDialect, pool: pg.Pool): EngineDialect {
  return {
    load: () => ({
      waiting: pool.waitingCount,
      connections: { active: pool.totalCount - pool.idleCount, idle: pool.idleCount }
    }),
    createAdapter: () => new UnlockedAdapter(),
    createDriver: () => withOutages(dialect.createDriver()),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createQueryCompiler: () => dialect.createQueryCompiler()
  }
}
