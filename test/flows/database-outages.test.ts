import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import type { Person } from '../harness/cluster.ts'
import { postgres } from '../harness/engines.ts'
import { Lateness } from '../harness/lateness.ts'
import { postgresServer } from '../harness/postgres-server.ts'
import { assertNeverAccepted, assertRevocable, assertServed, LIMIT } from '../harness/revoked-in-time.ts'
import { TokenWatch, until } from '../harness/token-watch.ts'
import { signOut, watchCluster } from '../harness/watched-cluster.ts'
import { wiredWithConnection } from '../harness/wired-postgres.ts'

// Two at once: most of the time goes into waiting.
t.jobs = 2

t.test(
  'three instances and a wire to their database',
  { skip: postgres.missing, buffered: true },
  async (t) => {
    const { wire, direct, env } = await wiredWithConnection(t)
    const watched = await watchCluster(t, env)
    const { cluster, living } = watched

    t.test('what a transaction revoked that stayed open for 5 s arrives', async (t) => {
      const carol = await cluster.signUp(0)
      const shown = watched.show(carol)
      await direct.query('begin')
      t.teardown(() => direct.query('rollback'))
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
      const [committedAt, lateness] = [performance.now(), new Lateness()]
      await until(() => shown.every(({ last }) => last === 401), 'it is refused everywhere')
      const late = Math.max(...shown.map(({ acceptedAt }) => acceptedAt - committedAt))
      t.ok(late <= LIMIT + lateness.stop(), 'within a second')
      t.comment(
        `accepted until ${shown.map(({ acceptedAt }) => Math.round(acceptedAt - committedAt))} ms after the commit`
      )
      await assertRevocable(t, watched)
      await assertNeverAccepted(t, watched, shown)
    })

    t.test('a database that is away for 3 s stops no guarded call', async (t) => {
      watched.forget()
      const carol = await cluster.signUp(0)
      const shown = watched.show(carol)
      wire.cut()
      await pause(1500)
      await direct.query(...insertOf(carol))
      await pause(1500)
      wire.mend()
      const backAt = performance.now()
      await watched.recovered()
      t.comment(`recovered ${Math.round(performance.now() - backAt)} ms after it was back`)

      await until(() => shown.every(({ last }) => last === 401), 'what was revoked meanwhile is refused')
      const late = shown.map(({ acceptedAt }) => Math.round(acceptedAt - backAt))
      t.comment(`what was revoked meanwhile was accepted until ${late} ms after it was back`)
      assertServed(t, watched, { guarded: [200], visited: [200, 503] })
      await assertRevocable(t, watched)
      await assertNeverAccepted(t, watched, shown)
    })

    t.test('a database that is away for more than 10 s: nobody is believed', async (t) => {
      watched.forget()
      const instances = living.slice(0, -1)
      const carol = await cluster.signUp(0)
      const shown = watched.show(carol)
      // Acknowledged so shortly before that the others may not have read it.
      await signOut(cluster, 0, carol)
      wire.cut()
      const [cutAt, lateness] = [performance.now(), new Lateness()]
      await until(() => instances.every(({ last }) => last === 503), 'all instances refuse')
      for (const { acceptedAt } of instances) {
        t.ok(acceptedAt - cutAt > 9000 - lateness.allowance)
        t.ok(acceptedAt - cutAt < 10_100 + lateness.allowance)
      }
      for (const { url } of cluster.instances) {
        const response = await fetch(`${url}/readyz`)
        t.equal(response.status, 503)
        t.match(await response.json(), { code: 'not_ready', reasons: ['database', 'revocations'] })
      }
      await until(() => living.every(({ last }) => last === 503), 'so does the service')
      t.comment(`the service refused after ${Math.round(performance.now() - cutAt)} ms`)

      wire.mend()
      const backAt = performance.now()
      await watched.recovered()
      t.comment(`recovered ${Math.round(performance.now() - backAt)} ms after it was back`)
      assertServed(t, watched, { guarded: [200, 503], visited: [200, 503] })
      await assertRevocable(t, watched)
      const late = shown.map(({ acceptedAt }) => Math.round(acceptedAt - cutAt))
      t.comment(`what was revoked just before was accepted until ${late} ms after the cut`)
      t.ok(late[0] !== undefined && late[0] <= 0, 'never where it was acknowledged')
      const allowance = lateness.stop()
      t.ok(Math.max(...late.slice(0, -1)) < 10_100 + allowance, 'by no instance once it was blind for 10 s')
      t.ok((late.at(-1) ?? 0) < 12_100 + allowance, 'nor by the service, which is blind 2 s later at most')
      await assertNeverAccepted(t, watched, shown)
    })
  }
)

t.test(
  'PostgreSQL that is restarted or crashes loses nothing that was revoked',
  { skip: postgresServer.missing, buffered: true },
  async (t) => {
    const server = await postgresServer.start(t)
    const watched = await watchCluster(t, { DATABASE_URL: server.url })
    for (const how of ['fast', 'immediate'] as const) {
      const carol = await watched.cluster.signUp(0)
      await signOut(watched.cluster, 1, carol)
      await server.restart(how)
      const [backAt, lateness] = [performance.now(), new Lateness()]
      const shown = watched.cluster.routes().map((route) => new TokenWatch(route, carol.cookie))
      await watched.recovered()
      t.comment(`${how}: recovered ${Math.round(performance.now() - backAt)} ms after it was back`)
      await until(() => shown.every(({ last }) => last === 401), 'the token is refused')
      const promised = backAt + LIMIT + lateness.stop()
      t.ok(shown.every(({ acceptedAt }) => acceptedAt < promised))
      await assertNeverAccepted(t, watched, shown)
    }
    for (const statuses of watched.visits) {
      t.notOk(
        [...statuses].some((status) => status !== 200 && status !== 503),
        'nothing but 503'
      )
    }
    await assertRevocable(t, watched)
  }
)

function insertOf({ sessionId }: Person): [string, unknown[]] {
  const words = `insert into revocations (kind, id, expires_at) values ('sid', $1, $2)`
  return [words, [sessionId, Date.now() + 3_600_000]]
}
