import t from 'tap'
import { RequestCounts } from '../../../plugins/http/request-counts.ts'

const PLENTY = 1000

t.test('a window begins with the first request and ends on time, whatever comes in it', async (t) => {
  const counts = new RequestCounts()
  t.match(counts.count('a', 1000, PLENTY, 50), { current: 1, ttl: 1000 })
  t.match(counts.count('a', 1000, PLENTY, 1049), { current: 2, ttl: 1 })
  t.match(counts.count('a', 1000, PLENTY, 1050), { current: 1, ttl: 1000 })
  t.match(counts.count('b', 1000, PLENTY, 1060), { current: 1, ttl: 1000 })
})

t.test('a request over the limit takes no room: what is given back is free for the next', async (t) => {
  const counts = new RequestCounts()
  const first = counts.count('a', 1000, 2, 0)
  t.equal(counts.count('a', 1000, 2, 0).current, 2)
  for (let n = 0; n < 3; n += 1) {
    const refused = counts.count('a', 1000, 2, 10)
    t.match(refused, { current: 3, ttl: 990 })
    refused.giveBack()
  }
  first.giveBack()
  t.equal(counts.count('a', 1000, 2, 20).current, 2)
  t.equal(counts.count('a', 1000, 2, 20).current, 3)
})

t.test('what is given back after its window has ended makes no room in the next', async (t) => {
  const counts = new RequestCounts()
  const late = counts.count('a', 1000, 2, 0)
  counts.count('a', 1000, 2, 1000)
  late.giveBack()
  t.equal(counts.count('a', 1000, 2, 1001).current, 2)
})

t.test('of more than 20,000 keys the one unseen for longest is forgotten', async (t) => {
  const counts = new RequestCounts()
  for (let n = 0; n < 20_000; n += 1) counts.count(`${n}`, 1000, PLENTY, 0)
  t.equal(counts.count('0', 1000, PLENTY, 0).current, 2, 'all of them are kept')
  counts.count('one too many', 1000, PLENTY, 0)
  t.equal(counts.count('0', 1000, PLENTY, 0).current, 3, 'it was seen last but one')
  t.equal(counts.count('2', 1000, PLENTY, 0).current, 2)
  t.equal(counts.count('1', 1000, PLENTY, 0).current, 1, 'this one was not seen for longest')
})
