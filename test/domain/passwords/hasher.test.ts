import t from 'tap'
import { Problem } from '../../../domain/errors.ts'
import { createPasswordHasher, normalisePassword } from '../../../domain/passwords/hasher.ts'

const cost = { memoryKib: 1024, time: 2, parallelism: 1 }
const MANY = 400

/** What became of this many verifications that begin at once. */
async function rush(slots: number, count: number, hash: string | null = null) {
  const hasher = await createPasswordHasher(cost, slots)
  const settled = await Promise.allSettled(
    Array.from({ length: count }, () => hasher.verify(hash, 'some password'))
  )
  const refused = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
  return { hasher, done: count - refused.length, refused }
}

t.test('a hash is argon2id in PHC form at the cost asked for, different each time', async (t) => {
  const hasher = await createPasswordHasher(cost)
  const [one, two] = [await hasher.hash('a good password'), await hasher.hash('a good password')]
  t.match(one, /^\$argon2id\$v=19\$m=1024,(t=2,p=1|p=1,t=2)\$/)
  t.not(one, two)
  t.equal(await hasher.verify(one, 'a good password'), true)
  t.equal(await hasher.verify(one, 'A good password'), false)
  t.equal(await hasher.verify(one, 'a good password '), false)
})

t.test('one password in two Unicode forms is one password', async (t) => {
  const hasher = await createPasswordHasher(cost)
  const hash = await hasher.hash('caf\u00e9 au lait, s\u2019il vous plait')
  t.equal(await hasher.verify(hash, 'cafe\u0301 au lait, s\u2019il vous plait'), true)
  t.equal(normalisePassword('\ufb01'), '\ufb01', 'ligatures, widths and case are left alone')
})

t.test('where there is no hash no password matches, not even that of the stand-in', async (t) => {
  const hasher = await createPasswordHasher(cost)
  t.equal(await hasher.verify(null, 'nobody has this password'), false)
  t.equal(await hasher.verify(null, ''), false)
})

t.test('where there is no hash the work is the same', async (t) => {
  const hasher = await createPasswordHasher({ ...cost, memoryKib: 8192 })
  const hash = await hasher.hash('a good password')
  const measure = async (of: string | null) => {
    const times: number[] = []
    for (let round = 0; round < 15; round += 1) {
      const before = performance.now()
      await hasher.verify(of, 'a wrong password')
      times.push(performance.now() - before)
    }
    return Math.min(...times)
  }
  const ratio = (await measure(null)) / (await measure(hash))
  t.ok(ratio > 0.5 && ratio < 2, `ratio ${ratio}`)
})

t.test('a hash made at another cost is outdated', async (t) => {
  const hash = await (await createPasswordHasher(cost)).hash('a good password')
  t.equal((await createPasswordHasher(cost)).isOutdated(hash), false)
  for (const change of [{ memoryKib: 2048 }, { time: 3 }, { parallelism: 2 }]) {
    const hasher = await createPasswordHasher({ ...cost, ...change })
    t.equal(hasher.isOutdated(hash), true, JSON.stringify(change))
    t.equal(await hasher.verify(hash, 'a good password'), true, 'and still verifies')
  }
})

t.test('slots and queue are bounded, and who finds both full is refused as busy', async (t) => {
  const one = await rush(1, MANY)
  const two = await rush(2, MANY)
  t.ok(one.done >= 17 && one.done < MANY / 2, `${one.done} for one slot`)
  t.equal(two.done, 2 * one.done, 'the queue grows with the slots')
  for (const reason of [...one.refused, ...two.refused]) {
    if (!(reason instanceof Problem)) throw reason
    t.match(reason, { code: 'busy', status: 503, retryAfter: 2 })
  }
})

t.test('who is refused hears it at once, before anybody is served', async (t) => {
  const hasher = await createPasswordHasher(cost, 1)
  const order: string[] = []
  const note = (text: string) => () => void order.push(text)
  await Promise.all(
    Array.from({ length: MANY }, () => hasher.verify(null, 'x').then(note('served'), note('refused')))
  )
  t.equal(order.lastIndexOf('refused') < order.indexOf('served'), true)
})

t.test('a queue that was full serves as many again once it is empty', async (t) => {
  const { hasher, done } = await rush(1, MANY)
  const again = await Promise.all(Array.from({ length: done }, () => hasher.verify(null, 'x')))
  t.equal(again.length, done)
})

t.test('a slot is given back after an error, too', async (t) => {
  const { hasher, refused } = await rush(1, 17, 'this is no hash')
  t.equal(refused.length, 17)
  t.ok(refused.every((reason) => !(reason instanceof Problem)))
  const hash = await hasher.hash('a good password')
  const again = await Promise.all(Array.from({ length: 17 }, () => hasher.verify(hash, 'a good password')))
  t.ok(again.every((matches) => matches))
})
