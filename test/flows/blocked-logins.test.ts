import t from 'tap'
import { DAY, MINUTE, SECOND } from '../../domain/clock.ts'
import type { AuditEvent } from '../../domain/model/audit.ts'
import { build, type TestApp } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'

const LIMIT = 5
const wrong = 'wrong horse battery staple'
const env = { AUTH_LOGIN_LIMIT_PER_ACCOUNT: String(LIMIT) }

const guess = (gatehouse: TestApp, email: string, count: number) =>
  Promise.all(
    Array.from({ length: count }, () => gatehouse.browser().post('/auth/login', { email, password: wrong }))
  )

const countOf = (events: AuditEvent[]) => events.reduce((sum, { detail }) => sum + Number(detail.count), 0)

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const gatehouse = await build(t, { engine, env })
    const { clock, app } = gatehouse
    const second = await build(t, { clock, env: gatehouse.env })
    const blocked = (userId?: string) => app.store.audit.list({ limit: 200, type: 'login.blocked', userId })
    const idOf = async (email: string) => (await app.store.users.findByEmail(email))?.id ?? ''

    t.test('of twenty parallel guesses each is in the trail, by its account', async (t) => {
      await gatehouse.signUp('ada@example.com')
      const id = await idOf('ada@example.com')
      await guess(gatehouse, 'ada@example.com', 20)
      t.match(await blocked(id), [{ userId: id, actorId: null, ip: '127.0.0.1', detail: { count: 1 } }])
      clock.advance(MINUTE)
      await app.signIn.blocked.report()
      const events = await blocked(id)
      t.strictSame(
        events.map(({ detail }) => detail),
        [{ count: 20 - LIMIT - 1 }, { count: 1 }]
      )
      t.match(events[0], { userId: id, ip: '127.0.0.1', requestId: null })
    })

    t.test(
      'an attacker of two instances leaves one row a minute, and every try is counted once',
      async (t) => {
        await gatehouse.signUp('flooded@example.com')
        const id = await idOf('flooded@example.com')
        let refused = 0
        for (let n = 0; n < 20; n += 1) {
          const answers = (
            await Promise.all([gatehouse, second].map((each) => guess(each, 'flooded@example.com', 20)))
          ).flat()
          refused += answers.filter(({ status }) => status === 429).length
          await Promise.all([gatehouse, second].map((each) => each.app.signIn.blocked.report()))
          clock.advance(15 * SECOND)
        }
        t.ok((await blocked(id)).length <= 6, `${(await blocked(id)).length} rows in five minutes`)
        clock.advance(MINUTE)
        await Promise.all([gatehouse, second].map((each) => each.app.signIn.blocked.report()))
        t.equal(countOf(await blocked(id)), refused)
        const times = (await blocked(id)).map(({ at }) => at)
        t.ok(times.every((at, n) => n === 0 || (times[n - 1] as number) - at >= MINUTE))
      }
    )

    t.test('tries at an address without account are in the trail without one', async (t) => {
      const before = (await blocked()).length
      await guess(gatehouse, 'nobody@example.com', LIMIT + 1)
      const [event, ...rest] = await blocked()
      t.match(event, { userId: null, ip: '127.0.0.1', detail: { count: 1 } })
      t.equal(rest.length, before)
      t.notOk(JSON.stringify(event).includes('nobody'))
    })

    t.test('tries to prove it again that a session refuses are in the trail, too', async (t) => {
      const window = await gatehouse.signUp('again@example.com')
      for (let n = 0; n <= LIMIT; n += 1) await window.post('/auth/reauthenticate', { password: wrong })
      t.match(await blocked(await idOf('again@example.com')), [{ detail: { count: 1 } }])
    })

    t.test('what was reported is forgotten', async (t) => {
      clock.advance(2 * DAY)
      await app.signIn.blocked.report()
      t.ok((await app.store.purge(clock(), 1000)) >= 1)
      await app.signIn.blocked.report()
      const count = (await blocked()).length
      clock.advance(2 * DAY)
      await app.signIn.blocked.report()
      t.equal((await blocked()).length, count)
    })

    t.test('a refused try costs the same work, with an account and without', async (t) => {
      const { store } = app
      const calls: string[] = []
      const spied = [store.users, store.throttles, store.audit] as unknown as Array<Record<string, unknown>>
      for (const repository of spied) {
        for (const [name, method] of Object.entries(repository)) {
          repository[name] = (...args: unknown[]) => {
            calls.push(name)
            return (method as (...args: unknown[]) => unknown).apply(repository, args)
          }
        }
      }
      const { transaction } = store
      store.transaction = (work) =>
        transaction((tx) => {
          calls.push('begin')
          return work(tx)
        })
      const workOf = async (email: string) => {
        calls.length = 0
        for (let n = 0; n < LIMIT + 3; n += 1)
          await gatehouse.browser().post('/auth/login', { email, password: wrong })
        return [...calls]
      }
      const known = await workOf('ada@example.com')
      t.strictSame(known.slice(0, 4), ['findByEmail', 'reserve', 'reserve', 'append'])
      t.strictSame(await workOf('somebody@example.com'), known)
    })
  })
}
