import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { build } from '../harness/build.ts'
import { engines, postgres } from '../harness/engines.ts'
import { wiredPostgres } from '../harness/wired-postgres.ts'

const READY = { ready: true }

/** Counts how often the database is really asked whether it is there. */
function countPings({ store }: FastifyInstance): { count: number; atOnce: number } {
  const pings = { count: 0, atOnce: 0 }
  const { ping } = store
  let running = 0
  store.ping = async () => {
    pings.count += 1
    running += 1
    pings.atOnce = Math.max(pings.atOnce, running)
    await ping().finally(() => {
      running -= 1
    })
  }
  return pings
}

for (const engine of engines) {
  t.test(`/readyz on ${engine.name}`, { skip: engine.missing }, async (t) => {
    let monotonic = 0
    const { app, signUp } = await build(t, { engine, monotonic: () => monotonic })
    const pings = countPings(app)
    const ask = async (times: number) => {
      const answers = Array.from({ length: times }, () => app.inject('/readyz'))
      return (await Promise.all(answers)).map(({ statusCode, body }) => [statusCode, JSON.parse(body)])
    }

    await t.test('six hundred who ask at once are one question to the database', async (t) => {
      const answers = await ask(600)
      t.equal(answers.length, 600)
      for (const answer of answers) t.strictSame(answer, [200, READY])
      t.strictSame(pings, { count: 1, atOnce: 1 })
    })

    await t.test('in ten seconds it is asked twenty times, by however many', async (t) => {
      pings.count = 0
      for (let step = 0; step < 100; step += 1) {
        monotonic += 100
        await app.revocations.poll()
        await ask(20)
      }
      t.equal(pings.count, 20)
      t.equal(pings.atOnce, 1)
    })

    await t.test('those who refresh meanwhile are all served', async (t) => {
      const people = await Promise.all(Array.from({ length: 5 }, (_, n) => signUp(`p${n}@example.com`)))
      const flood = Promise.all(Array.from({ length: 20 }, () => ask(100)))
      for (const person of people) t.equal((await person.post('/auth/refresh')).status, 200)
      await flood
    })
  })
}

t.test(
  '/readyz tells of a database that went away within half a second, and that it is back',
  {
    skip: postgres.missing
  },
  async (t: Test) => {
    const { wire, url } = await wiredPostgres(t)
    let monotonic = 0
    const { app, browser } = await build(t, { env: { DATABASE_URL: url }, monotonic: () => monotonic })
    const ask = () => browser().get('/readyz')
    t.strictSame((await ask()).body, READY)
    wire.cut()
    monotonic += 500
    const answer = await ask()
    t.match(answer.body, { status: 503, code: 'not_ready', reasons: ['database'] })
    t.strictSame([answer.status, answer.body.reasons], [503, ['database']])
    t.equal(answer.headers['retry-after'], '1')
    wire.mend()
    for (let tries = 0; tries < 12; tries += 1) await app.revocations.poll().catch(() => {})
    monotonic += 500
    t.strictSame((await ask()).body, READY)
  }
)
