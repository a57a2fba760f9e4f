import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { startBalancer } from '../harness/balancer.ts'
import { startCluster } from '../harness/cluster.ts'
import { postgres } from '../harness/engines.ts'
import { measureRevocations } from '../harness/revocation-delay.ts'
import { tooLate } from '../harness/revoked-in-time.ts'
import { wiredWithConnection } from '../harness/wired-postgres.ts'

t.test('one who follows several instances by turns', { skip: postgres.missing }, async (t) => {
  const { direct, env } = await wiredWithConnection(t)
  const cluster = await startCluster(t, env)
  const urls = cluster.instances.map(({ url }) => url)
  const balancers = [await startBalancer(t, urls.slice(0, 1)), await startBalancer(t, urls)] as const
  const [, byTurns] = balancers
  const [route, hopping] = [await cluster.follow(balancers[0].url), await cluster.follow(byTurns.url)]

  t.test('misses nothing', async (t) => {
    const count = 16
    const revoked = await measureRevocations(cluster, hopping, { count })
    t.strictSame(tooLate(revoked), [])
    const { answers, entries } = byTurns.feed
    t.comment(`${count} revocations, ${entries} entries told in ${answers} answers`)
    t.ok(entries <= 5 * count, 'little of it is repeated')
  })

  t.test('is told no more than they must while a transaction stays open elsewhere', async (t) => {
    await direct.query('begin')
    await direct.query('select pg_current_xact_id()')
    const revoked = await measureRevocations(cluster, route, { count: 4 })
    t.strictSame(tooLate(revoked), [])
    t.strictSame(tooLate(await measureRevocations(cluster, hopping, { count: 4 })), [])

    const before = await transactions(env.DATABASE_URL)
    const answers = balancers.map(({ feed }) => feed.answers)
    await pause(2000)
    const [alone = 0, several = 0] = balancers.map(
      ({ feed }, index) => feed.answers - (answers[index] as number)
    )
    const ended = (await transactions(env.DATABASE_URL)) - before
    t.comment(`the feed answered ${alone} times in 2 s at one instance, ${several} times at three by turns`)
    t.comment(`${ended} transactions of three instances in 3 s`)
    t.ok(ended < 250, 'the polls do not spin')
    t.ok(alone <= 2, 'one who follows one instance waits')
    // Each instance repeats to one who comes from another what is revoked since that transaction began.
    t.ok(several <= 10, 'one who follows several by turns is not told the same all the time')
    await direct.query('rollback')
  })
})

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
