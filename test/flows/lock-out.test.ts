import t from 'tap'
import { DAY, SECOND } from '../../domain/clock.ts'
import type { Answer, Browser } from '../harness/browser.ts'
import { build, password, type TestApp } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'

const wrong = 'wrong horse battery staple'
const email = 'ada@example.com'
const OWNER = '203.0.113.7'
const AT_ONCE = 5

const signIn = (window: Browser, secret = password) => window.post('/auth/login', { email, password: secret })

/** A browser at this address, by way of a trusted proxy. */
const at = (gatehouse: TestApp, address: string) =>
  gatehouse.browser({ 'sec-fetch-site': 'same-origin', 'x-forwarded-for': address })

/** So many attackers, in so many networks, who poll by wrong passwords: all of them, or the next few in turn. */
function attackers(gatehouse: TestApp, count: number, networks: number) {
  const windows = Array.from({ length: count }, (_, n) => at(gatehouse, `198.18.${n % networks}.${n}`))
  let evaluated = 0
  return {
    async poll(some = count) {
      const next = windows.splice(0, some)
      windows.push(...next)
      while (next.length > 0) {
        const answers = await Promise.all(next.splice(0, AT_ONCE).map((window) => signIn(window, wrong)))
        evaluated += answers.filter(({ status }) => status === 401).length
      }
    },
    evaluated: () => evaluated
  }
}

const tally = (answers: Answer[]) => answers.filter(({ status }) => status !== 200).length

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const start = async () => {
      const env = { AUTH_LOGIN_LIMIT_PER_ACCOUNT: '5', AUTH_TRUST_PROXY: '127.0.0.1' }
      const gatehouse = await build(t, { engine, env })
      const known = at(gatehouse, OWNER)
      await known.post('/auth/register', { email, password })
      await known.post('/auth/logout')
      return { gatehouse, known, clock: gatehouse.clock }
    }

    t.test(
      'an attacker who polls all day from 50 addresses keeps the owner out of no known device',
      async (t) => {
        const { gatehouse, known, clock } = await start()
        const attack = attackers(gatehouse, 50, 50)
        const answers: Answer[] = []
        for (let n = 0; n < 3; n += 1) await attack.poll()
        for (let n = 0; n < 100; n += 1) {
          await attack.poll(5)
          answers.push(await signIn(known))
          await known.post('/auth/logout')
          clock.advance(DAY / 100)
        }
        t.equal(tally(answers), 0)
        t.equal(attack.evaluated(), 100, 'and guesses a hundred times in all')
      }
    )

    t.test('the owner is in on an unknown device as soon as a link is redeemed there', async (t) => {
      const { gatehouse, clock } = await start()
      const { app } = gatehouse
      const user = await app.store.users.findByEmail(email)
      const attack = attackers(gatehouse, 50, 50)
      for (let n = 0; n < 3; n += 1) {
        await attack.poll()
        clock.advance(SECOND)
      }
      const unknown = at(gatehouse, '192.0.2.9')
      t.equal((await signIn(unknown)).status, 429, 'before it they have to wait')

      const link = await app.store.transaction((tx) =>
        app.accounts.passwordReset.issueLinkWithin(tx, user?.id ?? '')
      )
      const redeemed = await unknown.post('/auth/password/reset', { token: link.token, password })
      t.equal(redeemed.status, 204)
      for (let n = 0; n < 3; n += 1) await attack.poll()
      t.equal((await signIn(at(gatehouse, '192.0.2.10'))).status, 429, 'strangers have to wait again')
      t.equal((await signIn(unknown)).status, 200)
    })

    t.test('an attacker in the owner’s own network does not reach a known device', async (t) => {
      const { gatehouse, known, clock } = await start()
      const neighbour = at(gatehouse, '203.0.113.8')
      for (let n = 0; n < 10; n += 1) {
        await signIn(neighbour, wrong)
        clock.advance(SECOND)
      }
      t.equal((await signIn(at(gatehouse, OWNER))).status, 429, 'a stranger beside them has to wait')
      t.equal((await signIn(known)).status, 200)
      const elsewhere = at(gatehouse, '2001:db8::1')
      t.equal((await signIn(elsewhere)).status, 200)
    })
  })
}
