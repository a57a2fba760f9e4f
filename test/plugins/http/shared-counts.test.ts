import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import t from 'tap'
import { SharedCounts } from '../../../plugins/http/shared-counts.ts'
import { build } from '../../harness/build.ts'
import { valkey } from '../../harness/valkey.ts'

const MINUTE = 60_000

t.test('counts in Valkey', { skip: valkey.missing }, async (t) => {
  const { url } = await valkey.start(t)
  const { app } = await build(t)
  const client = new Redis(url)
  t.teardown(() => client.disconnect())
  const counts = new SharedCounts(client, app.log)
  const count = async (key: string, window: number, max: number) => {
    const counted = await counts.count(key, window, max)
    if (!counted) throw new Error('Valkey does not count')
    return counted
  }

  t.test('of parallel requests the limit passes, and as many again once they are given back', async (t) => {
    for (let round = 0; round < 5; round += 1) {
      const tries = await Promise.all(Array.from({ length: 40 }, () => count('parallel', MINUTE, 10)))
      const passed = tries.filter(({ current }) => current <= 10)
      t.equal(passed.length, 10)
      await Promise.all(passed.map(({ giveBack }) => giveBack()))
    }
  })

  t.test('what is given back after its window has ended makes no room in the next', async (t) => {
    const late = await count('late', 50, 10)
    while ((await client.exists('late')) === 1) await setTimeout(5)
    await count('late', MINUTE, 10)
    await late.giveBack()
    t.equal((await count('late', MINUTE, 10)).current, 2)
  })

  t.test('what is given back to a Valkey that forgot the count makes no room either', async (t) => {
    const forgotten = await count('forgotten', MINUTE, 10)
    await client.flushall()
    await forgotten.giveBack()
    t.equal((await count('forgotten', MINUTE, 10)).current, 1)
  })
})
