import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { postgres } from '../harness/engines.ts'
import { assertNeverAccepted, assertRevocable, assertServed } from '../harness/revoked-in-time.ts'
import { until } from '../harness/token-watch.ts'
import { valkey } from '../harness/valkey.ts'
import { type WatchedCluster, watchCluster } from '../harness/watched-cluster.ts'

const CHANNEL = 'gatehouse:http://localhost:3000:revocations'

t.test('three instances with Valkey', { skip: postgres.missing || valkey.missing }, async (t) => {
  const server = await valkey.start(t)
  const watched = await watchCluster(t, { REDIS_URL: server.url })
  const redis = new Redis(server.url)
  redis.on('error', () => {})
  t.teardown(() => redis.disconnect())

  /** All three hear of news through Valkey again. */
  async function listening(): Promise<void> {
    const isHeard = async () => Number((await redis.pubsub('NUMSUB', CHANNEL))[1]) === 3
    await until(isHeard, 'all instances listen')
  }

  t.test('that is emptied make no difference', async (t) => {
    let isOver = false
    const emptied = (async () => {
      while (!isOver) {
        await redis.flushall()
        await pause(50)
      }
    })()
    await assertRevocable(t, watched)
    isOver = true
    await emptied
    await assertUndisturbed(t, watched)
  })

  t.test('that hangs for 3 s cost nobody an answer', async (t) => {
    server.pause()
    const over = pause(3000)
    await assertRevocable(t, watched)
    await over
    server.resume()
    await listening()
    await assertRevocable(t, watched)
    await assertUndisturbed(t, watched)
  })

  t.test('that is killed and comes back do not either', async (t) => {
    await server.kill()
    await assertRevocable(t, watched)
    await server.start()
    await listening()
    await assertRevocable(t, watched)
    await assertUndisturbed(t, watched)
  })
})

/** Nothing but success for those who are signed in. */
async function assertUndisturbed(t: Test, watched: WatchedCluster): Promise<void> {
  assertServed(t, watched, { guarded: [200], visited: [200] })
  await assertNeverAccepted(t, watched)
}
