import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { FeedWaiters } from '../../../domain/revocations/feed-waiters.ts'

const LONG = 60_000
const forever = new AbortController().signal

t.test('one client may have 250 waiting, and other clients wait beside it', async (t) => {
  const waiters = new FeedWaiters()
  const first = Array.from({ length: 250 }, () => waiters.wait('orders', LONG, forever))
  await t.rejects(waiters.wait('orders', LONG, forever), { code: 'rate_limited', retryAfter: 5 })
  const other = waiters.wait('stock', LONG, forever)
  waiters.wake()
  await Promise.all([...first, other])
  const again = waiters.wait('orders', LONG, forever)
  waiters.wake()
  await again
})

t.test('all together may be 4,000', async (t) => {
  const waiters = new FeedWaiters()
  const all = Array.from({ length: 4000 }, (_, n) => waiters.wait(`client ${n % 20}`, LONG, forever))
  await t.rejects(waiters.wait('another', LONG, forever), { code: 'busy', retryAfter: 5 })
  waiters.wake()
  await Promise.all(all)
})

t.test('a place is free again when the time is over or the client is gone', async (t) => {
  const waiters = new FeedWaiters()
  const gone = new AbortController()
  const waiting = Array.from({ length: 249 }, () => waiters.wait('orders', LONG, gone.signal))
  await waiters.wait('orders', 1, forever)
  gone.abort()
  await Promise.all(waiting)
  await waiters.wait('orders', 1, gone.signal)
  const more = Array.from({ length: 250 }, () => waiters.wait('orders', 1, forever))
  await t.resolves(Promise.all(more))
})

for (const [how, milliseconds] of [
  ['news', LONG],
  ['the end of their time', 20]
] as const) {
  t.test(`thousands are answered in turns at ${how}, and others are served in between`, async (t) => {
    const waiters = new FeedWaiters()
    let answered = 0
    const all = Array.from({ length: 3000 }, (_, n) =>
      waiters.wait(`client ${n % 20}`, milliseconds, forever).then(() => {
        answered += 1
      })
    )
    if (milliseconds === LONG) waiters.wake()
    while (answered === 0) await nextTurn()
    let turns = 0
    for (; answered < 3000; turns += 1) await nextTurn()
    t.ok(turns >= 50, `${turns} turns`)
    await Promise.all(all)
  })
}

t.test('once it is closed, those who wait are woken and those who come do not wait', async () => {
  const waiters = new FeedWaiters()
  const waiting = Array.from({ length: 200 }, () => waiters.wait('orders', LONG, forever))
  waiters.close()
  await Promise.all(waiting)
  await waiters.wait('orders', LONG, forever)
})
