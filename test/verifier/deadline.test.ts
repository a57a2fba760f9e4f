import { getEventListeners } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { withDeadline } from '../../verifier/deadline.ts'

const aborted = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

t.test('10,000 calls leave no listener and no timer behind', async (t) => {
  const { signal } = new AbortController()
  for (let call = 0; call < 10_000; call += 1) await withDeadline(signal, 60_000, async () => {})
  await t.rejects(
    withDeadline(signal, 60_000, async () => Promise.reject(new Error('no'))),
    { message: 'no' }
  )
  t.equal(getEventListeners(signal, 'abort').length, 0)
  t.notOk(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length > 2)
})

t.test(
  'a call is aborted when its time is over, and when the outer signal aborts, even before',
  async (t) => {
    const outer = new AbortController()
    await t.rejects(withDeadline(outer.signal, 1, aborted), { message: 'no answer within 1 ms' })
    const waiting = withDeadline(outer.signal, 60_000, aborted)
    await pause(1)
    outer.abort(new Error('closed'))
    await t.rejects(waiting, { message: 'closed' })
    await t.rejects(
      withDeadline(outer.signal, 60_000, async (deadline) => deadline.throwIfAborted()),
      { message: 'closed' }
    )
  }
)
