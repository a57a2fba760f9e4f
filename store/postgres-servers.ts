import pg from 'pg'
import { mustTakeWrites, serversOf } from '../domain/settings/postgres-url.ts'

/** What pg says if all connections are in use: no server failed. */
const POOL_IS_BUSY = 'timeout exceeded when trying to connect'

/** The choice among the servers of DATABASE_URL: the one that worked last, until it fails. The library pg knows one server. */
export interface ServerChoice {
  /** A client that connects to the chosen server. */
  Client: new () => pg.ClientBase
  /** Throws an Error if the server only reads, but must take writes. */
  refuseReadOnly(client: pg.ClientBase): Promise<void>
  /** Gets a client of the pool. Tries every server once. */
  connect(pool: pg.Pool): Promise<pg.PoolClient>
  /** Chooses the next server, unless another one than the client's is chosen already. */
  leave(client: pg.ClientBase): void
}

export function createServerChoice(databaseUrl: string): ServerChoice {
  const urls = serversOf(databaseUrl)
  const mustWrite = mustTakeWrites(databaseUrl)
  const serverOf = new WeakMap<pg.ClientBase, string>()
  let chosen = urls[0] as string

  const leave = (server: string | undefined) => {
    if (server === chosen) chosen = urls[(urls.indexOf(chosen) + 1) % urls.length] as string
  }

  class Client extends pg.Client {
    constructor(options?: pg.ClientConfig) {
      super({ ...options, connectionString: chosen })
      serverOf.set(this, chosen)
    }
  }

  // A connection from before the choice changed may lead to a former primary.
  const connectToChosen = async (pool: pg.Pool): Promise<pg.PoolClient> => {
    const client = await pool.connect()
    if (serverOf.get(client) === chosen) return client
    client.release(true)
    return connectToChosen(pool)
  }

  return {
    Client,
    leave: (client) => leave(serverOf.get(client)),

    async refuseReadOnly(client) {
      if (!mustWrite) return
      const { rows } = await client.query<{ transaction_read_only: string }>('show transaction_read_only')
      if (rows[0]?.transaction_read_only === 'on') throw new Error('the server only reads')
    },

    async connect(pool) {
      const failures: string[] = []
      for (;;) {
        const server = chosen
        try {
          return await connectToChosen(pool)
        } catch (error) {
          const { message, code } = error as NodeJS.ErrnoException
          if (urls.length === 1 || message === POOL_IS_BUSY) throw error
          leave(server)
          failures.push(`${new URL(server).host}: ${message || code}`)
          if (failures.length < urls.length) continue
          throw new Error(`No server of DATABASE_URL takes writes (${failures.join('; ')})`, { cause: error })
        }
      }
    }
  }
}
