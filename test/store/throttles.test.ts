import t from 'tap'
import { DAY, MINUTE, SECOND } from '../../domain/clock.ts'
import { uuidv7 } from '../../domain/id.ts'
import type { ThrottlePolicy } from '../../domain/model/throttle.ts'
import { engines } from '../harness/engines.ts'
import { now, openOn } from './rows.ts'

const policy: ThrottlePolicy = {
  limit: 5,
  firstDelay: SECOND,
  delays: 3,
  rest: DAY,
  keep: DAY,
  keepSince: 'last'
}
const windowed: ThrottlePolicy = { ...policy, limit: 3, delays: 0, keepSince: 'first' }

const newCount = (account = uuidv7()) => ({ key: uuidv7(), account })

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const { store } = await openOn(t, engine)
    const { throttles } = store
    const times = async (count: number, work: () => Promise<{ wait: number }>) => {
      const waits: number[] = []
      for (let n = 0; n < count; n += 1) waits.push((await work()).wait)
      return waits
    }

    t.test('parallel tries are let through up to the limit and no further', async (t) => {
      for (let round = 0; round < 20; round += 1) {
        const count = newCount()
        const tries = Array.from({ length: 100 }, () => throttles.reserve(count, policy, now))
        const waits = (await Promise.all(tries)).map(({ wait }) => wait)
        t.equal(waits.filter((wait) => wait === 0).length, 5)
        t.ok(waits.every((wait) => wait === 0 || wait === 1000))
      }
    })

    t.test('each try past the limit doubles the delay, and the last one costs the rest', async (t) => {
      const count = newCount()
      const delays: number[] = []
      let time = now
      for (let tries = 0; tries < 6; tries += 1) {
        await throttles.reserve(count, policy, time)
        const { wait } = await throttles.reserve(count, policy, time)
        if (wait === 0) continue
        delays.push(wait)
        time += wait
      }
      t.strictSame(delays, [1000, 2000, 4000, DAY])
      t.strictSame(await times(5, () => throttles.reserve(count, policy, time)), [0, 0, 0, 0, 0])
      t.strictSame(await throttles.reserve(count, policy, time), { wait: 1000 })
    })

    t.test('a count that is kept since its first try ends in time, however many follow', async (t) => {
      const count = newCount()
      t.strictSame(await throttles.reserve(count, windowed, now), { wait: 0 })
      t.strictSame(await throttles.reserve(count, windowed, now + DAY - 1), { wait: 0 })
      t.strictSame(await times(3, () => throttles.reserve(count, windowed, now + DAY)), [0, 0, 0])
      t.strictSame(await throttles.reserve(count, windowed, now + DAY), { wait: DAY })
    })

    t.test('while another count refuses a try is not counted', async (t) => {
      const account = newCount()
      await times(3, () => throttles.reserve(account, windowed, now))
      const count = newCount()
      const waits = await times(20, () => throttles.reserve(count, policy, now, account.key))
      t.strictSame(new Set(waits), new Set([DAY]))
      await throttles.clear([account.key])
      t.strictSame(await times(5, () => throttles.reserve(count, policy, now, account.key)), [0, 0, 0, 0, 0])
    })

    t.test('an account’s counts are cleared together, and no other’s', async (t) => {
      const [one, two, other] = [newCount('ada'), newCount('ada'), newCount('bob')]
      for (const count of [one, two, other]) await times(5, () => throttles.reserve(count, policy, now))
      await throttles.clearAccount('ada')
      t.strictSame(await throttles.reserve(one, policy, now), { wait: 0 })
      t.strictSame(await throttles.reserve(two, policy, now), { wait: 0 })
      t.strictSame(await throttles.reserve(other, policy, now), { wait: 1000 })
    })

    t.test('a clock that jumped forward and back refuses nobody for longer than a delay', async (t) => {
      for (const jump of [2 * MINUTE, 12 * 60 * MINUTE, 2 * DAY, 400 * DAY]) {
        const count = newCount()
        await times(6, () => throttles.reserve(count, policy, now + jump))
        t.strictSame(await throttles.reserve(count, policy, now), { wait: 0 }, `${jump} ms`)
        const { wait } = await throttles.reserve(count, policy, now)
        t.ok(wait > 0 && wait <= 2000, `and goes on with the next delay: ${wait} ms`)

        const whole = newCount()
        await times(4, () => throttles.reserve(whole, windowed, now + jump))
        t.strictSame(await throttles.reserve(whole, windowed, now), { wait: 0 })
        t.strictSame(await throttles.reserve(whole, windowed, now), { wait: DAY })
        t.strictSame(
          await throttles.reserve(whole, windowed, now + DAY),
          { wait: 0 },
          'nor is kept for longer'
        )
        t.strictSame(await throttles.reserve(whole, windowed, now + DAY), { wait: 0 })
      }
    })

    t.test('clocks that differ a little between instances let nobody through', async (t) => {
      const count = newCount()
      await times(5, () => throttles.reserve(count, policy, now + 2000))
      t.strictSame(await throttles.reserve(count, policy, now), { wait: 3000 })
    })

    t.test('purging leaves every count that still matters', async (t) => {
      const [quiet, blocked, fresh] = [newCount(), newCount(), newCount()]
      const forever = { ...policy, limit: 1, delays: 0, rest: 3 * DAY, keep: 3 * DAY }
      await throttles.reserve(quiet, policy, now - DAY - 1)
      await throttles.reserve(blocked, forever, now - DAY - 1)
      await throttles.reserve(fresh, policy, now - DAY + 1)
      t.ok((await store.purge(now, 1000)) >= 1)
      t.strictSame(await throttles.reserve(blocked, forever, now), { wait: 2 * DAY - 1 })
      t.strictSame(await times(4, () => throttles.reserve(fresh, policy, now)), [0, 0, 0, 0])
      t.ok((await throttles.reserve(fresh, policy, now)).wait > 0, 'its first try still counts')
    })

    t.test('refused tries are reported once in an interval, with their number, by one of many', async (t) => {
      const blocked = { account: uuidv7(), userId: 'ada', ip: '192.0.2.1', tries: 1 }
      const record = async (time: number) => {
        if (await throttles.countBlocked(blocked, MINUTE, time)) return 0
        return throttles.recordBlocked(blocked, MINUTE, time)
      }
      const first = await Promise.all(Array.from({ length: 50 }, () => record(now)))
      t.strictSame(
        first.filter((count) => count > 0),
        [1]
      )
      const second = await Promise.all(Array.from({ length: 50 }, () => record(now + MINUTE)))
      t.equal(second.filter((count) => count > 0).length, 1)
      const reported = Math.max(...second)
      t.ok(reported >= 50 && reported <= 99, `${reported}`)

      t.strictSame(await throttles.takeBlocked(100, MINUTE, now + 2 * MINUTE - 1), [], 'not before it is due')
      const takers = await Promise.all(
        Array.from({ length: 10 }, () => throttles.takeBlocked(100, MINUTE, now + 2 * MINUTE))
      )
      const taken = takers.flat()
      t.equal(taken.length, 1)
      t.match(taken, [{ userId: 'ada', ip: '192.0.2.1' }])
      t.equal(1 + reported + (taken[0]?.count ?? 0), 100, 'each refused try is in one report')
      t.equal(await record(now + 2 * MINUTE), 0, 'a report that was taken counts for the interval, too')
    })
  })
}
