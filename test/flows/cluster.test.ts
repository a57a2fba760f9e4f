import t from 'tap'
import type { Teardown } from '../harness/build.ts'
import { startCluster } from '../harness/cluster.ts'
import { postgres } from '../harness/engines.ts'
import { measureRevocations, percentile } from '../harness/revocation-delay.ts'
import { tooLate } from '../harness/revoked-in-time.ts'
import { valkey } from '../harness/valkey.ts'

const PEOPLE = 12

const places = {
  'without Valkey': { skip: postgres.missing, env: async () => ({}) },
  'with Valkey': {
    skip: postgres.missing || valkey.missing,
    env: async (t: Teardown) => ({ REDIS_URL: (await valkey.start(t)).url })
  }
}

for (const [place, { skip, env }] of Object.entries(places)) {
  t.test(`three instances on one database, ${place}`, { skip }, async (t) => {
    const cluster = await startCluster(t, await env(t))
    const following = await cluster.follow(cluster.instances[2]?.url ?? '')
    const revoked = await measureRevocations(cluster, following, { count: PEOPLE })

    await t.test('whatever is revoked on one is refused by all of them within a second', async (t) => {
      t.strictSame(
        revoked.filter(({ own }) => own > 0),
        [],
        'at once where it was acknowledged'
      )
      const delays = {
        'the other instances': revoked.flatMap(({ others }) => others),
        'a following service': revoked.map(({ following }) => following)
      }
      for (const [where, of] of Object.entries(delays)) {
        const [p50, p99, max] = [50, 99, 100].map((percent) => Math.round(percentile(of, percent)))
        t.comment(`${place}, ${where}: p50 ${p50} ms, p99 ${p99} ms, max ${max} ms`)
      }
      t.strictSame(tooLate(revoked), [])
    })

    await t.test('what was refused once is never accepted again, on any of them', async (t) => {
      t.equal(
        revoked.reduce((total, { relapses }) => total + relapses, 0),
        0
      )
      for (const route of [...cluster.routes(), following]) {
        const statuses = await Promise.all(revoked.map(({ cookie }) => statusOf(route, cookie)))
        t.strictSame(new Set(statuses), new Set([401]), 'and neither in the end')
      }
    })
  })
}

async function statusOf(route: string, cookie: string): Promise<number> {
  const { status } = await fetch(route, { headers: { cookie } })
  return status
}
