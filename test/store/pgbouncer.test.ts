import t from 'tap'
import { build, password } from '../harness/build.ts'
import { pgbouncer } from '../harness/pgbouncer.ts'

/** Twice as many as there are connections. */
const MANY = 20

/** Repeats a call that a busy machine could not serve in time. */
async function served(call: () => Promise<{ status: number }>): Promise<number> {
  const { status } = await call()
  return status === 503 ? served(call) : status
}

for (const mode of ['session', 'transaction'] as const) {
  t.test(`behind PgBouncer with pool_mode=${mode}`, { skip: pgbouncer.missing }, async (t) => {
    const service = await build(t, { engine: await pgbouncer.start(t, mode) })
    const root = await service.setUp()

    await t.test('people register, refresh and sign out, many at once', async (t) => {
      const windows = await Promise.all(
        Array.from({ length: MANY }, (_, n) => service.signUp(`person-${n}@example.com`))
      )
      const all = async (path: string) => [
        ...new Set(await Promise.all(windows.map((window) => served(() => window.post(path)))))
      ]
      t.strictSame(await all('/auth/refresh'), [200])
      t.strictSame(await all('/auth/logout'), [204])
    })

    await t.test('one refresh token shown many times at once has one successor', async (t) => {
      const window = await service.signUp('parallel@example.com')
      const copies = Array.from({ length: MANY }, () => window.clone())
      const answers = await Promise.all(copies.map((copy) => served(() => copy.post('/auth/refresh'))))
      t.strictSame([...new Set(answers)], [200])
      t.equal(new Set(copies.map((copy) => copy.value('refresh'))).size, 1)
    })

    await t.test('of many role changes at once, none is lost', async (t) => {
      const names = Array.from({ length: MANY }, (_, n) => `role-${n}`)
      const made = await Promise.all(
        names.map((name) => served(() => root.post('/admin/roles', { name, description: '', scope: 'a:b' })))
      )
      t.strictSame([...new Set(made)], [201])
    })

    await t.test('a second instance starts on the same database', async (t) => {
      const second = await build(t, { env: service.env, clock: service.clock })
      const { status } = await second.browser().post('/auth/login', { email: 'root@example.com', password })
      t.equal(status, 200)
    })
  })
}
