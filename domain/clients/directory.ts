import { BoundedMap } from '../../verifier/bounded-map.ts'
import type { Monotonic } from '../clock.ts'
import type { Client } from '../model/client.ts'
import type { Store } from '../model/store.ts'

/** Milliseconds for which a cached client is used, so that its rights are at most a second old. */
const MAX_AGE = 500
const KNOWN_CLIENTS = 1000

/** Clients, cached for half a second, so that a busy client does not cost a database query per token. */
export interface ClientDirectory {
  find(id: string): Promise<Client | undefined>
  findAnew(id: string): Promise<Client | undefined>
}

export function createClientDirectory(store: Store, monotonic: Monotonic): ClientDirectory {
  const known = new BoundedMap<string, { client: Client; readAt: number }>(KNOWN_CLIENTS)

  async function findAnew(id: string): Promise<Client | undefined> {
    // No client id contains NUL, and PostgreSQL rejects a query with one.
    if (id.includes('\0')) return undefined
    const readAt = monotonic()
    const client = await store.clients.find(id)
    known.delete(id)
    if (!client) return undefined
    known.set(id, { client, readAt })
    return client
  }

  return {
    findAnew,

    async find(id) {
      const entry = known.get(id)
      return entry && monotonic() - entry.readAt < MAX_AGE ? entry.client : findAnew(id)
    }
  }
}
