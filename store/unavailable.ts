import type { DatabaseConnection, Driver, QueryResult } from 'kysely'
import { Problem } from '../domain/errors.ts'

const RETRY_AFTER = 2

// SQLSTATE: 08 connection, 53 insufficient resources, 57 operator intervention, 58 system error, 40 transaction rolled back,
// 25006 read-only server, 25P03 idle transaction ended, 42501 a privilege was revoked.
const LOST_POSTGRES = /^(08|40|53|57|58|25006|25P03|42501)/
const LOST_SQLITE = /^SQLITE_(BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN|NOMEM|PROTOCOL|CORRUPT|NOTADB)/
const LOST_SOCKET = /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_)/
const LOST_BY_MESSAGE =
  /timeout exceeded when trying to connect|Query read timeout|Connection terminated|connection error and is not queryable|the database connection is not open|after calling end on the pool/

/** Turns an error of a database that cannot answer into a Problem `unavailable`. Returns other errors unchanged. */
export function asUnavailable(error: unknown): unknown {
  if (error instanceof Problem) return error
  const { code = '', message = '' } = error as { code?: string; message?: string }
  const lost =
    LOST_POSTGRES.test(code) ||
    LOST_SQLITE.test(code) ||
    LOST_SOCKET.test(code) ||
    LOST_BY_MESSAGE.test(message)
  return lost ? unavailable(error) : error
}

function unavailable(cause: unknown): Problem {
  return new Problem('unavailable', { retryAfter: RETRY_AFTER, cause })
}

async function translated<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw asUnavailable(error)
  }
}

/** Wraps a driver so that outages reject with a Problem `unavailable`. An unconfirmed commit rejects, too. */
export function withOutages(driver: Driver): Driver {
  const wrapped = new WeakMap<DatabaseConnection, DatabaseConnection>()
  const inner = new WeakMap<DatabaseConnection, DatabaseConnection>()

  const wrap = (connection: DatabaseConnection): DatabaseConnection => {
    const known = wrapped.get(connection)
    if (known) return known
    const translating: DatabaseConnection = {
      executeQuery: <R>(query: Parameters<DatabaseConnection['executeQuery']>[0]): Promise<QueryResult<R>> =>
        translated(connection.executeQuery<R>(query)),
      streamQuery: (query, chunkSize) => connection.streamQuery(query, chunkSize)
    }
    wrapped.set(connection, translating)
    inner.set(translating, connection)
    return translating
  }
  const unwrap = (connection: DatabaseConnection) => inner.get(connection) ?? connection

  return {
    init: () => translated(driver.init()),
    // Every error before a connection exists is an outage: a wrong password, certificate, host name or socket.
    acquireConnection: () =>
      driver.acquireConnection().then(wrap, (error) => {
        throw unavailable(error)
      }),
    beginTransaction: (connection, settings) =>
      translated(driver.beginTransaction(unwrap(connection), settings)),
    commitTransaction: (connection) => translated(driver.commitTransaction(unwrap(connection))),
    rollbackTransaction: (connection) => translated(driver.rollbackTransaction(unwrap(connection))),
    releaseConnection: (connection) => driver.releaseConnection(unwrap(connection)),
    destroy: () => driver.destroy()
  }
}
