import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import pg from 'pg'
import t, { type Test } from 'tap'
import { startBalancer } from '../harness/balancer.ts'
import type { Teardown } from '../harness/build.ts'
import { type Person, startCluster } from '../harness/cluster.ts'
import { postgres } from '../harness/engines.ts'
import { postgresServer } from '../harness/postgres-server.ts'
import { measureRevocations, type Revoked } from '../harness/revocation-delay.ts'
import { createTcpProxy } from '../harness/tcp-proxy.ts'
import { TokenWatch, until } from '../harness/token-watch.ts'
import { type ValkeyServer, valkey } from '../harness/valkey.ts'
import { signOut, type WatchedCluster, watchCluster } from '../harness/watched-cluster.ts'

const LIMIT = 1000
const RECOVERY = 5000
const CHANNEL = 'gatehouse:http://localhost:3000:revocations'
const timeout = 230_000
const skip = postgres.missing
const skipValkey = postgres.missing || valkey.missing

// Two at once: most of the time goes into waiting.
t.jobs = 2
t.setTimeout(timeout)

t.test(
  'an instance that was killed refuses from its first answer on',
  { skip, buffered: true, timeout },
  async (t) => {
    const watched = await watchCluster(t)
    const { cluster } = watched
    for (const round of [1, 2, 3]) {
      const carol = await cluster.signUp(1)
      await cluster.kill(1)
      await signOut(cluster, 0, carol)
      const shown = new TokenWatch(cluster.routes()[1] as string, carol.token)
      await cluster.revive(1)
      await until(() => shown.last === 401, RECOVERY, 'it answers again')
      await shown.stop()
      t.strictSame(shown.seen, [0, 401], `round ${round}`)
    }
    await watched.recovered()
    await assertNeverAccepted(t, watched)
    t.strictSame(
      watched.living.map(({ seen }) => seen),
      [[200], [0, 200], [200], [200]]
    )
  }
)

t.test(
  'Valkey that is emptied makes no difference',
  { skip: skipValkey, buffered: true, timeout },
  async (t) => {
    const { server, watched } = await withValkey(t)
    const redis = client(t, server)
    const emptied = repeat(async () => {
      await redis.flushall()
      await pause(50)
    })
    await assertRevocable(t, watched)
    await emptied.stop()
    await assertUndisturbed(t, watched)
  }
)

t.test(
  'Valkey that hangs for 3 s costs nobody an answer',
  { skip: skipValkey, buffered: true, timeout },
  async (t) => {
    const { server, watched } = await withValkey(t)
    server.pause()
    const over = pause(3000)
    await assertRevocable(t, watched)
    await over
    server.resume()
    await assertListening(t, server)
    await assertRevocable(t, watched)
    await assertUndisturbed(t, watched)
  }
)

t.test(
  'Valkey that is killed and comes back, as well',
  { skip: skipValkey, buffered: true, timeout },
  async (t) => {
    const { server, watched } = await withValkey(t)
    await server.kill()
    await assertRevocable(t, watched)
    await server.start()
    await assertListening(t, server)
    await assertRevocable(t, watched)
    await assertUndisturbed(t, watched)
  }
)

t.test(
  'a database that is away for 3 s stops no guarded call',
  { skip, buffered: true, timeout },
  async (t) => {
    const { wire, direct, env } = await wired(t)
    const watched = await watchCluster(t, env)
    const carol = await watched.cluster.signUp(0)
    const shown = [...watched.cluster.routes(), watched.following].map(
      (route) => new TokenWatch(route, carol.token)
    )
    wire.cut()
    await pause(1500)
    await direct.query(...insertOf(carol))
    await pause(1500)
    wire.mend()
    const backAt = performance.now()
    await watched.recovered()
    t.comment(`recovered ${Math.round(performance.now() - backAt)} ms after it was back`)

    await until(
      () => shown.every(({ last }) => last === 401),
      RECOVERY,
      'what was revoked meanwhile is refused'
    )
    const late = shown.map(({ acceptedAt }) => Math.round(acceptedAt - backAt))
    t.comment(`what was revoked meanwhile was accepted until ${late} ms after it was back`)
    t.strictSame(
      watched.living.map(({ seen }) => seen),
      [[200], [200], [200], [200]]
    )
    for (const statuses of watched.visits) t.strictSame(sorted(statuses), [200, 503])
    await assertRevocable(t, watched)
    await assertNeverAccepted(t, watched, shown)
  }
)

t.test(
  'a database that is away for more than 10 s: nobody is believed',
  { skip, buffered: true, timeout },
  async (t) => {
    const { wire, env } = await wired(t)
    const watched = await watchCluster(t, env)
    const { cluster, living } = watched
    const instances = living.slice(0, -1)
    const carol = await cluster.signUp(0)
    const shown = [...cluster.routes(), watched.following].map((route) => new TokenWatch(route, carol.token))
    // Acknowledged so shortly before that the others may not have read it.
    await signOut(cluster, 0, carol)
    wire.cut()
    const cutAt = performance.now()
    await until(() => instances.every(({ last }) => last === 503), 11_500, 'all instances refuse')
    for (const { acceptedAt } of instances) t.ok(acceptedAt - cutAt > 9000 && acceptedAt - cutAt < 10_100)
    for (const { url } of cluster.instances) {
      const response = await fetch(`${url}/readyz`)
      t.equal(response.status, 503)
      t.match(await response.json(), { code: 'not_ready', reasons: ['database', 'revocations'] })
    }
    await until(() => living.every(({ last }) => last === 503), 4000, 'so does the service')
    t.comment(`the service refused after ${Math.round(performance.now() - cutAt)} ms`)

    wire.mend()
    const backAt = performance.now()
    await watched.recovered()
    t.comment(`recovered ${Math.round(performance.now() - backAt)} ms after it was back`)
    t.strictSame(
      living.map(({ seen }) => seen),
      [
        [200, 503],
        [200, 503],
        [200, 503],
        [200, 503]
      ]
    )
    for (const statuses of watched.visits) t.strictSame(sorted(statuses), [200, 503])
    await assertRevocable(t, watched)
    const late = shown.map(({ acceptedAt }) => Math.round(acceptedAt - cutAt))
    t.comment(`what was revoked just before was accepted until ${late} ms after the cut`)
    t.ok(late[0] !== undefined && late[0] <= 0, 'never where it was acknowledged')
    t.ok(Math.max(...late.slice(0, -1)) < 10_100, 'by no instance once it was blind for 10 s')
    t.ok((late.at(-1) ?? 0) < 12_100, 'nor by the service, which is blind 2 s later at most')
    await assertNeverAccepted(t, watched, shown)
  }
)

t.test(
  'PostgreSQL that is restarted or crashes loses nothing that was revoked',
  { skip: postgresServer.missing, buffered: true, timeout },
  async (t) => {
    const server = await postgresServer.start(t)
    const watched = await watchCluster(t, { DATABASE_URL: server.url })
    for (const how of ['fast', 'immediate'] as const) {
      const carol = await watched.cluster.signUp(0)
      await signOut(watched.cluster, 1, carol)
      await server.restart(how)
      const backAt = performance.now()
      const shown = watched.cluster.routes().map((route) => new TokenWatch(route, carol.token))
      await watched.recovered()
      t.comment(`${how}: recovered ${Math.round(performance.now() - backAt)} ms after it was back`)
      await until(() => shown.every(({ last }) => last === 401), LIMIT, 'the token is refused')
      t.ok(shown.every(({ acceptedAt }) => acceptedAt < backAt + LIMIT))
      await assertNeverAccepted(t, watched, shown)
    }
    for (const statuses of watched.visits) {
      t.notOk(
        sorted(statuses).some((status) => status !== 200 && status !== 503),
        'nothing but 503'
      )
    }
    await assertRevocable(t, watched)
  }
)

t.test(
  'what a transaction revoked that stayed open for 5 s arrives',
  { skip, buffered: true, timeout },
  async (t) => {
    const { direct, env } = await wired(t)
    const watched = await watchCluster(t, env)
    const { cluster, following } = watched
    const carol = await cluster.signUp(0)
    const shown = [...cluster.routes(), following].map((route) => new TokenWatch(route, carol.token))
    await direct.query('begin')
    await direct.query(...insertOf(carol))
    const over = pause(5000)
    await assertRevocable(t, watched)
    await over
    t.strictSame(
      shown.map(({ last }) => last),
      [200, 200, 200, 200],
      'not before it is committed'
    )
    await direct.query('commit')
    const committedAt = performance.now()
    await until(() => shown.every(({ last }) => last === 401), LIMIT, 'it is refused everywhere')
    t.comment(
      `accepted until ${shown.map(({ acceptedAt }) => Math.round(acceptedAt - committedAt))} ms after the commit`
    )
    await assertRevocable(t, watched)
    await assertNeverAccepted(t, watched, shown)
  }
)

t.test('a transaction that stays open elsewhere', { skip, buffered: true, timeout }, async (t) => {
  const { direct, env } = await wired(t)
  const cluster = await startCluster(t, env)
  const urls = cluster.instances.map(({ url }) => url)
  const balancers = {
    'one instance': await startBalancer(t, urls.slice(0, 1)),
    'three instances by turns': await startBalancer(t, urls)
  }
  const [route = '', hopping = ''] = await Promise.all(
    Object.values(balancers).map((balancer) => cluster.follow(balancer.url))
  )
  await direct.query('begin')
  await direct.query('select pg_current_xact_id()')
  const revoked = await measureRevocations(cluster, route, { count: 8 })
  t.strictSame(tooLate(revoked), [])
  t.strictSame(tooLate(await measureRevocations(cluster, hopping, { count: 8 })), [])

  const before = await transactions(env.DATABASE_URL)
  const answers = Object.values(balancers).map(({ feed }) => feed.answers)
  await pause(2000)
  const [alone = 0, byTurns = 0] = Object.values(balancers).map(
    ({ feed }, index) => feed.answers - (answers[index] as number)
  )
  const ended = (await transactions(env.DATABASE_URL)) - before
  t.comment(`the feed answered ${alone} times in 2 s at one instance, ${byTurns} times at three by turns`)
  t.comment(`${ended} transactions of three instances in 3 s`)
  t.ok(ended < 250, 'the polls do not spin')
  t.ok(alone <= 2, 'one who follows one instance waits')
  // Each instance repeats to one who comes from another what is revoked since that transaction began.
  t.ok(byTurns <= 10, 'one who follows several by turns is not told the same all the time')
  await direct.query('rollback')
})

t.test(
  'one who follows several instances by turns misses nothing',
  { skip, buffered: true, timeout },
  async (t) => {
    const cluster = await startCluster(t)
    const balancer = await startBalancer(
      t,
      cluster.instances.map(({ url }) => url)
    )
    const following = await cluster.follow(balancer.url)
    const count = 40
    const revoked = await measureRevocations(cluster, following, { count })
    t.strictSame(tooLate(revoked), [])
    const { answers, entries } = balancer.feed
    t.comment(`${count} revocations, ${entries} entries told in ${answers} answers`)
    t.ok(entries <= 5 * count, 'little of it is repeated')
  }
)

/** A dozen revocations, each refused everywhere in time. */
async function assertRevocable(t: Test, { cluster, following }: WatchedCluster): Promise<void> {
  const revoked = await measureRevocations(cluster, following, { count: 12 })
  t.strictSame(tooLate(revoked), [], 'what is revoked is refused within a second')
}

function tooLate(revoked: Revoked[]): Revoked[] {
  return revoked.filter(
    ({ own, others, following, relapses }) =>
      relapses > 0 || own > 0 || Math.max(...others, following) > LIMIT
  )
}

/** Neither what was revoked before, nor what was refused once, was let in since. */
async function assertNeverAccepted(
  t: Test,
  watched: WatchedCluster,
  others: TokenWatch[] = []
): Promise<void> {
  await Promise.all(others.map((watch) => watch.stop()))
  t.strictSame(
    [...watched.revoked, ...others].map(({ relapses }) => relapses),
    [...watched.revoked, ...others].map(() => 0),
    'a revoked token is never accepted again'
  )
}

/** Nothing but success for those who are signed in. */
async function assertUndisturbed(t: Test, watched: WatchedCluster): Promise<void> {
  await watched.stop()
  t.strictSame(
    watched.living.map(({ seen }) => seen),
    [[200], [200], [200], [200]]
  )
  for (const statuses of watched.visits) t.strictSame(sorted(statuses), [200])
  await assertNeverAccepted(t, watched)
}

/** All three hear of news through Valkey again. */
async function assertListening(t: Test, server: ValkeyServer): Promise<void> {
  const redis = client(t, server)
  const isHeard = async () => Number((await redis.pubsub('NUMSUB', CHANNEL))[1]) === 3
  await until(isHeard, RECOVERY, 'all instances listen')
}

async function withValkey(t: Teardown): Promise<{ server: ValkeyServer; watched: WatchedCluster }> {
  const server = await valkey.start(t)
  return { server, watched: await watchCluster(t, { REDIS_URL: server.url }) }
}

function client(t: Teardown, { url }: ValkeyServer): Redis {
  const redis = new Redis(url)
  redis.on('error', () => {})
  t.teardown(() => redis.disconnect())
  return redis
}

/** A new database at the end of a wire, and a connection that needs no wire. */
async function wired(t: Teardown) {
  const database = await postgres.create()
  const url = new URL(database.url)
  const wire = await createTcpProxy({ host: url.hostname, port: Number(url.port) || 5432 })
  const direct = new pg.Client({ connectionString: database.url })
  direct.on('error', () => {})
  await direct.connect()
  t.teardown(async () => {
    await direct.end()
    await wire.close()
    await database.remove()
  })
  url.hostname = '127.0.0.1'
  url.port = String(wire.port)
  return { wire, direct, env: { DATABASE_URL: url.href } }
}

function insertOf({ sessionId }: Person): [string, unknown[]] {
  const words = `insert into revocations (kind, id, expires_at) values ('sid', $1, $2)`
  return [words, [sessionId, Date.now() + 3_600_000]]
}

/** How many transactions the database has ended so far; PostgreSQL counts them with a delay of a second at most. */
async function transactions(url: string): Promise<number> {
  await pause(1100)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query(
    'select xact_commit + xact_rollback as count from pg_stat_database where datname = current_database()'
  )
  await client.end()
  return Number(rows[0].count)
}

function repeat(work: () => Promise<void>) {
  let isStopped = false
  const run = async () => {
    while (!isStopped) await work()
  }
  const ended = run()
  return {
    async stop() {
      isStopped = true
      await ended
    }
  }
}

function sorted(statuses: Set<number>): number[] {
  return [...statuses].sort((a, b) => a - b)
}
