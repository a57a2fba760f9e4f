import t from 'tap'
import { steadyClock } from '../../verifier/steady-clock.ts'

const HOUR = 3_600_000

t.test('a steady clock goes with the wall clock, but not ahead of the time that has passed', async (t) => {
  let [wall, elapsed] = [1_000_000, 50]
  const steady = steadyClock(
    () => wall,
    () => elapsed
  )
  t.equal(steady(), 1_000_000)
  for (const jump of [1000, HOUR, 24 * HOUR]) {
    wall += jump
    t.equal(steady(), 1_000_000, 'a jump forward does not count')
    wall -= jump
    t.equal(steady(), 1_000_000)
  }
  wall -= HOUR
  t.equal(steady(), 1_000_000 - HOUR, 'a jump back counts')
  wall += HOUR
  wall += 500
  elapsed += 500.7
  t.equal(steady(), 1_000_500, 'time that has passed counts')
})
