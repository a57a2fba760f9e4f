import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { createTurns, type EndTurn } from '../../domain/turns.ts'

t.test('tasks of one key take turns in order, and those of another key do not wait for them', async (t) => {
  const takeTurn = createTurns({ atOnce: 2, waiting: 10 })
  const ends: EndTurn[] = []
  const started: number[] = []
  for (let n = 0; n < 5; n += 1)
    void takeTurn('a').then((end) => {
      started.push(n)
      ends[n] = end
    })
  await setImmediate()
  t.strictSame(started, [0, 1])
  await takeTurn('b')
  ends[1]?.()
  ends[1]?.()
  await setImmediate()
  t.strictSame(started, [0, 1, 2], 'a turn ends once')
  ends[2]?.()
  ends[0]?.()
  await setImmediate()
  t.strictSame(started, [0, 1, 2, 3, 4])
})

t.test('if too many wait, the next one runs at once and takes nobody’s turn', async (t) => {
  const takeTurn = createTurns({ atOnce: 1, waiting: 1 })
  const end = await takeTurn('a')
  const waiting = takeTurn('a')
  const endOfSurplus = await takeTurn('a')
  endOfSurplus()
  const first = await Promise.race([waiting.then(() => 'waiting'), setImmediate('nobody')])
  t.equal(first, 'nobody')
  end()
  t.type(await waiting, 'function')
})
