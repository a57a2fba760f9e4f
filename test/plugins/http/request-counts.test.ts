import t from 'tap'
import { RequestCounts } from '../../../plugins/http/request-counts.ts'

t.test('a window begins with the first request and ends on time, whatever comes in it', async (t) => {
  const counts = new RequestCounts()
  t.strictSame(counts.count('a', 1000, 50), { current: 1, ttl: 1000 })
  t.strictSame(counts.count('a', 1000, 1049), { current: 2, ttl: 1 })
  t.strictSame(counts.count('a', 1000, 1050), { current: 1, ttl: 1000 })
  t.strictSame(counts.count('b', 1000, 1060), { current: 1, ttl: 1000 })
})

t.test('of more than 20,000 keys the one unseen for longest is forgotten', async (t) => {
  const counts = new RequestCounts()
  for (let n = 0; n < 20_000; n += 1) counts.count(`${n}`, 1000, 0)
  t.equal(counts.count('0', 1000, 0).current, 2, 'all of them are kept')
  counts.count('one too many', 1000, 0)
  t.equal(counts.count('0', 1000, 0).current, 3, 'it was seen last but one')
  t.equal(counts.count('2', 1000, 0).current, 2)
  t.equal(counts.count('1', 1000, 0).current, 1, 'this one was not seen for longest')
})
