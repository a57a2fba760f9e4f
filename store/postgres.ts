import { type Dialect, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely'
import pg from 'pg'
import { withOutages } from './unavailable.ts'

const INT8 = 20

/** How many connections one instance holds, and how long a request waits for one before it is refused. */
const POOL = { max: 10, connectionTimeoutMillis: 1000, idleTimeoutMillis: 30_000 }
const STATEMENT_TIMEOUT = 3000
/** For a server that does not even say that the statement took too long. */
const SILENCE_TIMEOUT = STATEMENT_TIMEOUT + 1000

/** PostgreSQL through a bounded pool. `onIdleError` hears of connections that broke while no statement ran on them. */
export function postgresDialect(url: string, onIdleError: (error: Error) => void): Dialect {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'gatehouse',
    keepAlive: true,
    statement_timeout: STATEMENT_TIMEOUT,
    query_timeout: SILENCE_TIMEOUT,
    lock_timeout: STATEMENT_TIMEOUT,
    idle_in_transaction_session_timeout: 2 * STATEMENT_TIMEOUT,
    types: { getTypeParser: typeParser },
    ...POOL
  })
  pool.on('error', onIdleError)
  // The pool listens to idle clients only: one that breaks between two statements would end the process.
  pool.on('connect', (client) => client.on('error', onIdleError))
  return withOutagesDialect(new PostgresDialect({ pool: withoutSilentClients(pool) }))
}

// A client that waits for an answer still is of no use to the next: it is destroyed instead of given back.
function withoutSilentClients(pool: pg.Pool): PostgresPool {
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client = await pool.connect()
      let isSilent = false
      const query = async (text: string, values: unknown[]): Promise<unknown> => {
        try {
          return await client.query(text, values)
        } catch (error) {
          isSilent ||= (error as Error).message === 'Query read timeout'
          throw error
        }
      }
      return { query: query as PostgresPoolClient['query'], release: () => client.release(isSilent) }
    }
  }
}

// Our times are far below 2^53, so an int8 is a number here, as it is on SQLite.
const typeParser = ((oid: number, format?: 'text' | 'binary') =>
  oid === INT8 ? Number : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser

function withOutagesDialect(dialect: PostgresDialect): Dialect {
  return {
    createAdapter: () => dialect.createAdapter(),
    createDriver: () => withOutages(dialect.createDriver()),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createQueryCompiler: () => dialect.createQueryCompiler()
  }
}
