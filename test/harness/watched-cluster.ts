import { setTimeout as pause } from 'node:timers/promises'
import type { Teardown } from './build.ts'
import { Client } from './client.ts'
import { type Cluster, type Person, startCluster } from './cluster.ts'
import { TokenWatch, until } from './token-watch.ts'

/** Milliseconds between two calls of the watches and visitors. */
const BETWEEN_CALLS = 50

/** A cluster and a service that follows it, both under constant use, for tests that break something meanwhile. */
export interface WatchedCluster {
  cluster: Cluster
  /** The guarded route of the service. */
  following: string
  /** Watches of a token of a user who stays signed in: one per instance, the last on the service. */
  living: TokenWatch[]
  /** Watches of a revoked token that all routes have refused, in the same order. */
  revoked: TokenWatch[]
  /** The statuses that a visitor of each instance got, who refreshes and reads their profile all the time. */
  visits: Set<number>[]
  /** Sends a user's token to all routes from now on. Returns watches in the order of `living`. */
  show(person: Person): TokenWatch[]
  /** Clears the statuses of `living` and `visits`. */
  forget(): void
  /** Resolves when every instance is ready, accepts the signed-in users, and refreshes their sessions. */
  recovered(): Promise<void>
}

export async function watchCluster(t: Teardown, env: Record<string, string> = {}): Promise<WatchedCluster> {
  const cluster = await startCluster(t, env)
  const following = await cluster.follow(cluster.instances[0]?.url ?? '')
  const routes = [...cluster.routes(), following]
  const ada = await cluster.signUp(0)
  const bob = await cluster.signUp(1)
  const revoked = routes.map((route) => new TokenWatch(route, bob.cookie, BETWEEN_CALLS))
  await signOut(cluster, 2, bob)
  await until(() => revoked.every(({ last }) => last === 401), 'the token is refused everywhere')
  const living = routes.map((route) => new TokenWatch(route, ada.cookie, BETWEEN_CALLS))
  await until(() => living.every(({ last }) => last === 200), 'the token is accepted everywhere')

  const visitors = await Promise.all(cluster.instances.map((_, index) => startVisitor(cluster, index)))
  const shown: TokenWatch[] = []
  t.teardown(() => Promise.all([...living, ...revoked, ...visitors, ...shown].map((each) => each.stop())))

  return {
    cluster,
    following,
    living,
    revoked,
    visits: visitors.map(({ statuses }) => statuses),

    show({ cookie }) {
      const watches = routes.map((route) => new TokenWatch(route, cookie))
      shown.push(...watches)
      return watches
    },

    forget() {
      for (const { statuses } of [...living, ...visitors]) statuses.clear()
    },

    recovered: () =>
      until(async () => {
        const ready = await Promise.all(cluster.instances.map(({ url }) => statusOf(`${url}/readyz`)))
        const serves = [...living.map(({ last }) => last), ...visitors.map(({ last }) => last()), ...ready]
        return serves.every((status) => status === 200)
      }, 'everything serves again')
  }
}

/** Signs a user out on an instance, and waits for its reply. */
export async function signOut({ instances }: Cluster, instance: number, { cookie }: Person): Promise<void> {
  await new Client(instances[instance]?.url ?? '', cookie).must('POST', '/auth/logout')
}

async function startVisitor({ instances }: Cluster, index: number) {
  const client = new Client(instances[index]?.url ?? '')
  const email = `visitor${index}@example.com`
  await client.must('POST', '/auth/register', { email, password: 'correct horse battery staple' })
  const statuses = new Set<number>()
  let last = 0
  let isStopped = false
  // Waits for an answer without a timeout. Status 0 is a broken connection.
  const ask = async (method: string, path: string) => {
    const { status } = await client.ask(method, path).catch(() => ({ status: 0 }))
    statuses.add(status)
    return status
  }
  const visit = async () => {
    while (!isStopped) {
      const refreshed = await ask('POST', '/auth/refresh')
      const read = await ask('GET', '/auth/me')
      last = Math.max(refreshed, read)
      await pause(BETWEEN_CALLS)
    }
  }
  const ended = visit()
  return {
    statuses,
    last: () => last,
    async stop() {
      isStopped = true
      await ended
    }
  }
}

async function statusOf(url: string): Promise<number> {
  const response = await fetch(url).catch(() => undefined)
  await response?.body?.cancel()
  return response?.status ?? 0
}
