import t from 'tap'
import { DAY, HOUR, MINUTE } from '../../../domain/clock.ts'
import { Problem } from '../../../domain/errors.ts'
import { build } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'

const OWNER = '203.0.113.7'
const AT_ONCE = 10

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const { app, clock } = await build(t, { engine, env: { AUTH_LOGIN_LIMIT_PER_ACCOUNT: '5' } })
    const { signIn, store } = app

    /** Whether a stranger's try from there is let through, to the comparison of the password. */
    async function isLetThrough(email: string, ip: string): Promise<boolean> {
      const caller = { actorId: null, ip, userAgent: null, requestId: null }
      try {
        const attempt = { email, user: undefined, deviceCookies: [] }
        return await signIn.throttle.tryLogin(attempt, caller, async () => true)
      } catch (error) {
        if (error instanceof Problem && error.code === 'rate_limited') return false
        throw error
      }
    }

    /** So many tries from each of so many networks, ten at once; how many are let through. */
    async function tryFrom(email: string, networks: number, perNetwork = 1): Promise<number> {
      const sources = Array.from({ length: networks * perNetwork }, (_, n) => `198.18.${n % networks}.${n}`)
      let count = 0
      while (sources.length > 0) {
        const tries = sources.splice(0, AT_ONCE).map((ip) => isLetThrough(email, ip))
        count += (await Promise.all(tries)).filter(Boolean).length
      }
      return count
    }

    t.test(
      'strangers together have 100 tries, however many and fast they are, and a day of rest',
      async (t) => {
        const email = 'hundred@example.com'
        t.equal(await tryFrom(email, 30, 4), 100)
        for (let hour = 0; hour < 24; hour += 4) {
          t.equal(await tryFrom(email, 30), 0)
          clock.advance(4 * HOUR)
        }
        let next = 0
        for (let round = 0; round < 5; round += 1) next += await tryFrom(email, 30)
        t.equal(next, 100, 'and the next day the same')
      }
    )

    t.test(
      'a network has five tries, then sixteen a day, and uses up no more of the account’s',
      async (t) => {
        const email = 'sixteen@example.com'
        t.equal(await tryFrom(email, 1, 50), 5)
        for (let day = 0; day < 2; day += 1) {
          let count = day === 0 ? 5 : 0
          for (let minute = 0; minute < 24 * 60; minute += 15) {
            if (await isLetThrough(email, '198.18.0.9')) count += 1
            clock.advance(15 * MINUTE)
          }
          t.ok(count <= 16, `${count} on day ${day}`)
        }
      }
    )

    t.test('attackers of five networks delay no stranger from elsewhere, for days', async (t) => {
      const email = 'elsewhere@example.com'
      for (let hour = 0; hour < 48; hour += 1) {
        await tryFrom(email, 5)
        clock.advance(HOUR)
        if (hour % 6 === 0) t.equal(await isLetThrough(email, OWNER), true, `after ${hour} hours`)
      }
    })

    t.test('while the account rests, its owner’s network is charged nothing', async (t) => {
      const email = 'resting@example.com'
      await tryFrom(email, 30, 4)
      for (let n = 0; n < 20; n += 1) t.equal(await isLetThrough(email, OWNER), false)
      clock.advance(DAY)
      for (let n = 0; n < 5; n += 1) t.equal(await isLetThrough(email, OWNER), true)
    })

    t.test('clearing the account lets everybody try again', async (t) => {
      const email = 'cleared@example.com'
      await tryFrom(email, 30, 4)
      t.equal(await isLetThrough(email, OWNER), false)
      await store.transaction((tx) => signIn.throttle.clearAccountWithin(tx, email))
      t.equal(await isLetThrough(email, OWNER), true)
      t.equal(await isLetThrough(email, '198.18.0.1'), true)
    })

    t.test('addresses of one network share a count, and others have their own', async (t) => {
      const email = 'shared@example.com'
      for (let n = 0; n < 5; n += 1) t.equal(await isLetThrough(email, `2001:db8:0:1::${n}`), true)
      t.equal(await isLetThrough(email, '2001:db8:0:1:ffff::'), false)
      t.equal(await isLetThrough(email, '2001:db8:0:2::'), true)
      t.equal(await isLetThrough('other@example.com', '2001:db8:0:1::'), true)
    })
  })
}

t.test('a higher limit is never lowered by the hundred', async (t) => {
  const { app } = await build(t, { env: { AUTH_LOGIN_LIMIT_PER_ACCOUNT: '150' } })
  const caller = { actorId: null, ip: OWNER, userAgent: null, requestId: null }
  const attempt = { email: 'ada@example.com', user: undefined, deviceCookies: [] }
  const isLetThrough = () => app.signIn.throttle.tryLogin(attempt, caller, async () => true)
  for (let n = 0; n < 150; n += 1) t.equal(await isLetThrough(), true)
  await t.rejects(isLetThrough, { code: 'rate_limited' })
})
