import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { oneAtATime } from '../../domain/one-at-a-time.ts'

/** Work that ends when it is told to, and says how often it was begun and how much of it went on at once. */
function controlled() {
  const runs: PromiseWithResolvers<void>[] = []
  const state = { running: 0, most: 0 }
  const call = oneAtATime(async () => {
    const run = Promise.withResolvers<void>()
    runs.push(run)
    state.running += 1
    state.most = Math.max(state.most, state.running)
    try {
      await run.promise
    } finally {
      state.running -= 1
    }
  })
  return { call, runs, state }
}

t.test('a call starts the work at once, and the next one after it starts it again', async (t) => {
  const { call, runs } = controlled()
  for (const count of [1, 2, 3]) {
    const done = call()
    t.equal(runs.length, count)
    runs.at(-1)?.resolve()
    await done
  }
})

t.test('a call during a run gets a run that starts after the call', async (t) => {
  const { call, runs } = controlled()
  const first = call()
  const second = call()
  let isDone = false
  second.then(() => {
    isDone = true
  })
  t.equal(runs.length, 1)

  runs[0]?.resolve()
  await first
  await setImmediate()
  t.equal(runs.length, 2)
  t.notOk(isDone, 'the run before does not count')
  runs[1]?.resolve()
  await second
})

t.test('a thousand calls at once are two runs', async (t) => {
  let runs = 0
  const call = oneAtATime(async () => {
    runs += 1
    await setImmediate()
  })
  await Promise.all(Array.from({ length: 1000 }, call))
  t.equal(runs, 2)
  await call()
  t.equal(runs, 3)
})

t.test('an error reaches those who shared the run, and stops no later one', async (t) => {
  const { call, runs } = controlled()
  const first = call()
  const shared = [call(), call()]
  runs[0]?.reject(new Error('first'))
  await t.rejects(first, { message: 'first' })
  await setImmediate()
  t.equal(runs.length, 2, 'whoever waited still gets a run of their own')
  const third = call()
  runs[1]?.reject(new Error('second'))
  for (const each of shared) await t.rejects(each, { message: 'second' })
  await setImmediate()
  runs[2]?.resolve()
  await third
  t.equal(runs.length, 3)
})

t.test('work that throws before it has a promise is a rejection as well', async (t) => {
  let isBroken = true
  const call = oneAtATime(() => {
    if (isBroken) throw new Error('at once')
    return Promise.resolve()
  })
  await t.rejects(async () => call(), { message: 'at once' })
  isBroken = false
  await call()
})

t.test(
  'whatever the order of calls, ends and errors: never two runs at once, and none that began too early',
  async () => {
    const step = fc.constantFrom('call', 'end', 'fail', 'turn')
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { call, runs, state } = controlled()
        const calls: Array<{ begunBefore: number; done: Promise<number> }> = []
        let ended = 0
        const end = (how: 'end' | 'fail') => {
          const run = runs[ended]
          if (!run) return
          ended += 1
          if (how === 'end') run.resolve()
          else run.reject(new Error('failed'))
        }
        for (const each of steps) {
          if (each === 'turn') await setImmediate()
          else if (each === 'call') {
            const begunBefore = runs.length
            // The run that a call gets has ended by the time the call has.
            const count = () => ended
            calls.push({ begunBefore, done: call().then(count, count) })
          } else end(each)
        }
        for (let left = calls.length + 1; left > 0; left -= 1) {
          end('end')
          await setImmediate()
        }
        for (const { begunBefore, done } of calls) if ((await done) <= begunBefore) return false
        return state.most <= 1 && runs.length <= calls.length
      })
    )
  }
)
