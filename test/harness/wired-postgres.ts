import pg from 'pg'
import type { Teardown } from './build.ts'
import { postgres } from './engines.ts'
import { createTcpProxy, type TcpProxy } from './tcp-proxy.ts'

export interface WiredPostgres {
  wire: TcpProxy
  /** The address of the database through the proxy. */
  url: string
  /** The address of the same database without the proxy. */
  direct: string
}

/** Creates a database behind a proxy that a test can cut. */
export async function wiredPostgres(t: Teardown): Promise<WiredPostgres> {
  const database = await postgres.create()
  const url = new URL(database.url)
  const wire = await createTcpProxy({ host: url.hostname, port: Number(url.port) || 5432 })
  t.teardown(async () => {
    await wire.close()
    void database.remove()
  })
  url.port = String(wire.port)
  url.hostname = '127.0.0.1'
  return { wire, url: url.href, direct: database.url }
}

/** Creates a database behind a proxy, and a connection for the test that bypasses the proxy. */
export async function wiredWithConnection(t: Teardown) {
  const { wire, url, direct: address } = await wiredPostgres(t)
  const direct = new pg.Client({ connectionString: address })
  direct.on('error', () => {})
  await direct.connect()
  t.teardown(() => direct.end())
  return { wire, direct, env: { DATABASE_URL: url } }
}
