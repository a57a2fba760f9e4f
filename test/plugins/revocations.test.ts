import { setTimeout as pause } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import Sqlite from 'better-sqlite3'
import type { FastifyInstance } from 'fastify'
import { Redis } from 'ioredis'
import t from 'tap'
import { HOUR } from '../../domain/clock.ts'
import { uuidv7 } from '../../domain/id.ts'
import type { Revocation } from '../../verifier/revocation-set.ts'
import { type BuildOptions, build, type Teardown, type TestApp } from '../harness/build.ts'
import { refusal, refusalOf } from '../harness/refusal.ts'
import { until } from '../harness/token-watch.ts'
import { type ValkeyServer, valkey } from '../harness/valkey.ts'

const routes = (app: FastifyInstance) => {
  app.get('/guarded', { preHandler: app.guard() }, async ({ auth }) => ({ sessionId: auth?.sessionId }))
}
const claims = (sid: string) => ({ jti: 'token', sub: 'ada', sid, ver: 1 })
const endedSession = (expiresAt: number): Revocation => ({ kind: 'sid', id: uuidv7(), expiresAt })

t.test('a revocation counts where it was committed from then on, and not before', async (t) => {
  const { app, clock, signUp } = await build(t, { routes })
  const ada = await signUp()
  const { body } = await ada.get('/guarded')
  const revocation = { kind: 'sid', id: body.sessionId, expiresAt: clock() + HOUR } as const

  await t.rejects(
    app.store.transaction(async (tx) => {
      await tx.revocations.add([revocation])
      t.equal((await ada.get('/guarded')).status, 200, 'not yet')
      throw new Error('taken back')
    }),
    { message: 'taken back' }
  )
  t.equal((await ada.get('/guarded')).status, 200, 'what was taken back never counted')

  await app.store.transaction((tx) => tx.revocations.add([revocation]))
  t.strictSame(refusalOf(await ada.get('/guarded')), refusal(401, 'unauthorized'))
})

t.test('what another process wrote counts without anybody saying so', async (t) => {
  const first = await build(t, { routes })
  const second = await build(t, onSameDatabase(first))
  const [revocation] = await addRevocations(first, 1)
  const isKnown = () => second.app.revocations.statusOf(claims(revocation?.id ?? '')) === 'revoked'
  await until(isKnown, 'the revocation is polled')
})

const AT_ONCE = { client: 'orders', wait: 0, signal: AbortSignal.abort() }

t.test('a database that counts from below again is read from the start', async (t) => {
  const { app, clock, env } = await build(t)
  await app.store.revocations.add(Array.from({ length: 5 }, () => endedSession(clock() + HOUR)))
  await app.revocations.poll()
  const { place } = await app.revocations.after(undefined, AT_ONCE)
  t.equal(place.position, 6)

  // As a backup would be put back in its place.
  const file = new Sqlite(new URL(env.DATABASE_URL as string).pathname)
  t.teardown(() => file.close())
  file.exec(`delete from revocations; update sqlite_sequence set seq = 0 where name = 'revocations'`)
  const insert = file.prepare(`insert into revocations (kind, id, expires_at) values ('sid', ?, ?)`)
  for (const id of ['restored', 'another']) insert.run(id, clock() + HOUR)

  await app.revocations.poll()
  const { entries: news, place: after } = await app.revocations.after(place, AT_ONCE)
  t.strictSame(news.map(({ id }) => id).slice(-2), ['restored', 'another'], 'one who follows is told, too')
  for (const id of ['restored', 'another']) t.equal(app.revocations.statusOf(claims(id)), 'revoked')
  t.equal(after.position, 3)
})

t.test(
  'entries are forgotten when no token can be concerned by them, and their memory is given back',
  async (t) => {
    const { app, clock } = await build(t)
    const many = 50_000
    const { place } = await app.revocations.after(undefined, AT_ONCE)
    const known = async () => (await app.revocations.after(place, AT_ONCE)).entries.length
    const before = heapUsed()
    const expiresAt = clock() + HOUR
    await app.store.transaction((tx) =>
      tx.revocations.add(Array.from({ length: many }, () => endedSession(expiresAt)))
    )
    await app.revocations.poll()
    t.equal(await known(), many)
    const grown = heapUsed() - before

    clock.advance(HOUR - 1)
    await app.revocations.poll()
    t.equal(await known(), many, 'not before its time')
    clock.advance(1)
    await app.revocations.poll()
    t.equal(await known(), 0)
    const left = heapUsed() - before
    t.comment(`${Math.round(grown / many)} bytes an entry, ${Math.round(left / many)} after its time`)
    t.ok(left < grown / 5)
  }
)

t.test('through Valkey', { skip: valkey.missing }, async (t) => {
  t.test('others are told after the commit, and nothing but that there is news', async (t) => {
    const server = await valkey.start(t)
    const { app, clock, signUp } = await build(t, { env: { REDIS_URL: server.url } })
    const messages: string[][] = []
    const ear = client(t, server)
    ear.on('message', (...message: string[]) => messages.push(message))
    await ear.subscribe(channelOf(app))

    await app.store.transaction(async (tx) => {
      await tx.revocations.add([endedSession(clock() + HOUR)])
      await pause(50)
      t.strictSame(messages, [], 'not before the commit')
    })
    await until(() => messages.length > 0, 'the news is told')
    t.strictSame(messages, [[channelOf(app), '']])

    await signUp()
    await pause(50)
    t.equal(messages.length, 1, 'a commit without revocations is no news')
  })

  t.test('a message makes others read at once', async (t) => {
    const server = await valkey.start(t)
    const env = { REDIS_URL: server.url }
    const first = await build(t, { env })
    const second = await build(t, onSameDatabase(first))
    await until(async () => (await subscribers(t, server, first.app)) === 2, 'both listen')

    const delays: number[] = []
    for (let round = 0; round < 20; round += 1) {
      const [revocation] = await addRevocations(first, 1)
      const committedAt = performance.now()
      const isKnown = () => second.app.revocations.statusOf(claims(revocation?.id ?? '')) === 'revoked'
      await until(isKnown, 'the revocation is known')
      delays.push(performance.now() - committedAt)
    }
    const median = delays.sort((a, b) => a - b)[10] as number
    t.comment(`known elsewhere ${median.toFixed(1)} ms after the commit`)
    t.ok(median < 60, 'half of the polls would take longer than twice that')
  })

  t.test('a message without news, or a flood of them, does no harm', async (t) => {
    const server = await valkey.start(t)
    const { app, clock } = await build(t, { env: { REDIS_URL: server.url } })
    await until(async () => (await subscribers(t, server, app)) === 1, 'it listens')
    const mouth = client(t, server)
    const rubbish = ['', 'x'.repeat(100_000), '{"kind":"sid","id":"ada"}']
    const told = Array.from({ length: 3000 }, (_, n) =>
      mouth.publish(channelOf(app), rubbish[n % 3] as string)
    )
    const revocation = endedSession(clock() + HOUR)
    await app.store.revocations.add([revocation])
    await Promise.all(told)
    await app.revocations.poll()
    t.equal(app.revocations.statusOf(claims(revocation.id)), 'revoked')
    t.equal(app.revocations.statusOf(claims('ada')), 'valid', 'the database alone says what was revoked')
  })

  t.test('one that was not there at the start, or went away, is listened to once it is there', async (t) => {
    const server = await valkey.start(t)
    await server.kill()
    const { app } = await build(t, { env: { REDIS_URL: server.url } })
    await pause(1000)
    for (const when of ['after the start', 'after it was away']) {
      await server.start()
      await until(async () => (await subscribers(t, server, app)) === 1, `it listens ${when}`)
      t.pass(when)
      await server.kill()
    }
  })
})

function onSameDatabase({ env, clock }: TestApp): BuildOptions {
  return { env, clock, routes }
}

async function addRevocations({ app, clock }: TestApp, count: number): Promise<Revocation[]> {
  const revocations = Array.from({ length: count }, () => endedSession(clock() + HOUR))
  await app.store.transaction((tx) => tx.revocations.add(revocations))
  return revocations
}

function channelOf(app: FastifyInstance): string {
  return `gatehouse:${app.config.AUTH_ISSUER}:revocations`
}

function client(t: Teardown, { url }: ValkeyServer): Redis {
  const redis = new Redis(url, { retryStrategy: () => null })
  redis.on('error', () => {})
  t.teardown(() => redis.disconnect())
  return redis
}

async function subscribers(t: Teardown, server: ValkeyServer, app: FastifyInstance): Promise<number> {
  const redis = client(t, server)
  const [, count] = await redis.pubsub('NUMSUB', channelOf(app))
  redis.disconnect()
  return Number(count)
}

function heapUsed(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}
