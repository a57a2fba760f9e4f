import t from 'tap'
import { build, password } from '../harness/build.ts'
import { pgbouncer } from '../harness/pgbouncer.ts'

const MANY = 40

for (const mode of ['session', 'transaction'] as const) {
  t.test(`behind PgBouncer with pool_mode=${mode}`, { skip: pgbouncer.missing }, async (t) => {
    const service = await build(t, { engine: await pgbouncer.start(t, mode) })
    const root = await service.setUp()

    await t.test('people register, refresh and sign out, many at once', async (t) => {
      const windows = await Promise.all(
        Array.from({ length: MANY }, (_, n) => service.signUp(`person-${n}@example.com`))
      )
      const refreshed = await Promise.all(windows.map((window) => window.post('/auth/refresh')))
      t.strictSame([...new Set(refreshed.map(({ status }) => status))], [200])
      const ended = await Promise.all(windows.map((window) => window.post('/auth/logout')))
      t.strictSame([...new Set(ended.map(({ status }) => status))], [204])
    })

    await t.test('one refresh token shown many times at once has one successor', async (t) => {
      const window = await service.signUp('parallel@example.com')
      const copies = Array.from({ length: MANY }, () => window.clone())
      const answers = await Promise.all(copies.map((copy) => copy.post('/auth/refresh')))
      t.strictSame([...new Set(answers.map(({ status }) => status))], [200])
      t.equal(new Set(copies.map((copy) => copy.value('refresh'))).size, 1)
    })

    await t.test('of many role changes at once, none is lost', async (t) => {
      const names = Array.from({ length: MANY }, (_, n) => `role-${n}`)
      const made = await Promise.all(
        names.map((name) => root.post('/admin/roles', { name, description: '', scope: 'a:b' }))
      )
      t.strictSame([...new Set(made.map(({ status }) => status))], [201])
    })

    await t.test('a second instance starts on the same database', async (t) => {
      const second = await build(t, { env: service.env, clock: service.clock })
      const { status } = await second.browser().post('/auth/login', { email: 'root@example.com', password })
      t.equal(status, 200)
    })
  })
}
