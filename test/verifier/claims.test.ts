import t from 'tap'
import { isTimely } from '../../verifier/claims.ts'

const NOW = 1_800_000_000_000
const seconds = NOW / 1000

t.test('expiry is forgiven for less than 5 seconds', async (t) => {
  const at = (exp: number) => isTimely({ iat: seconds - 300, exp }, NOW)
  t.equal(at(seconds + 1), true)
  t.equal(at(seconds), true)
  t.equal(at(seconds - 4), true)
  t.equal(isTimely({ iat: seconds - 300, exp: seconds - 5 }, NOW - 1), true)
  t.equal(at(seconds - 5), false)
  t.equal(at(seconds - 6), false)
})

t.test('a token from up to 60 seconds ahead is accepted, by iat and by nbf', async (t) => {
  const exp = seconds + 300
  t.equal(isTimely({ iat: seconds + 60, exp }, NOW), true)
  t.equal(isTimely({ iat: seconds + 60, exp }, NOW - 1), false)
  t.equal(isTimely({ iat: seconds + 61, exp }, NOW), false)
  t.equal(isTimely({ iat: seconds, nbf: seconds + 60, exp }, NOW), true)
  t.equal(isTimely({ iat: seconds, nbf: seconds + 61, exp }, NOW), false)
  t.equal(isTimely({ iat: seconds, nbf: seconds - 1000, exp }, NOW), true)
})

t.test('a time that is missing or no number is never timely', async (t) => {
  const good = { iat: seconds, exp: seconds + 300 }
  t.equal(isTimely(good, NOW), true)
  for (const bad of [
    undefined,
    null,
    `${seconds}`,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -1,
    {},
    [seconds],
    true
  ]) {
    t.equal(isTimely({ ...good, exp: bad }, NOW), false, `exp ${bad}`)
    t.equal(isTimely({ ...good, iat: bad }, NOW), false, `iat ${bad}`)
    if (bad !== undefined) t.equal(isTimely({ ...good, nbf: bad }, NOW), false, `nbf ${bad}`)
  }
})
