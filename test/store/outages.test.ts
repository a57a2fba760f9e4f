import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import pg from 'pg'
import t from 'tap'
import { uuidv7 } from '../../domain/id.ts'
import { build, password, type Teardown, type TestApp } from '../harness/build.ts'
import { postgres, postgresUrl } from '../harness/engines.ts'
import { wiredPostgres } from '../harness/wired-postgres.ts'

const FIRST_TOKEN = { generation: 0, handover: 'withheld' } as const
const FLAGS = { disabled: false, emailVerified: false, createdAt: 1 }
const TIMES = { createdAt: 1, authTime: 1, lastUsedAt: 1, idleExpiresAt: 2, expiresAt: 2 }
const unavailable = { type: 'urn:gatehouse:problem:unavailable', status: 503, code: 'unavailable' }

t.test('PostgreSQL behind a wire that breaks', { skip: postgres.missing }, async (t) => {
  const { wire, url, direct } = await wiredPostgres(t)
  let monotonic = 0
  const { app, signUp, browser } = await build(t, {
    env: { DATABASE_URL: url },
    monotonic: () => monotonic,
    routes: guardedRoute
  })
  const ada = await signUp()

  t.test('a lost database is 503 with Retry-After, clears no cookie, and comes back by itself', async (t) => {
    wire.cut()
    for (const call of [
      () => ada.post('/auth/refresh'),
      () => ada.post('/auth/logout'),
      () => ada.patch('/auth/me', { name: 'Ada' }),
      () => browser().post('/auth/login', { email: 'ada@example.com', password }),
      () => browser().post('/auth/register', { email: 'bob@example.com', password })
    ]) {
      const { status, headers, body, cookies } = await call()
      t.equal(status, 503)
      t.match(body, unavailable)
      t.match(headers['retry-after'], /^\d+$/)
      t.strictSame(cookies, [])
    }
    t.match((await browser().get('/readyz')).body, { status: 503, code: 'not_ready', reasons: ['database'] })
    t.equal((await browser().get('/livez')).status, 200)

    wire.mend()
    await recovered(app)
    t.equal((await ada.post('/auth/refresh')).status, 200, 'the logout that was refused ended nothing')
    t.equal((await browser().post('/auth/login', { email: 'bob@example.com', password })).status, 401)
  })

  t.test('guarded calls go on for 10 s without the database, then nobody is believed', async (t) => {
    await app.revocations.poll()
    wire.cut()
    monotonic += 9_999
    t.equal((await ada.get('/guarded')).status, 200)
    monotonic += 2
    const { status, headers, body } = await ada.get('/guarded')
    t.equal(status, 503)
    t.match(body, unavailable)
    t.equal(headers['retry-after'], '1')
    wire.mend()
    await recovered(app)
    t.equal((await ada.get('/guarded')).status, 200)
  })

  t.test('a full pool is 503 within its wait, not a queue without end', async (t) => {
    const held = new pg.Client({ connectionString: direct })
    await held.connect()
    await held.query('begin')
    await held.query('lock table sessions in access exclusive mode')
    const started = performance.now()
    const waiting = Array.from({ length: 30 }, () =>
      browser().post('/auth/login', { email: 'ada@example.com', password })
    )
    const stuck = Array.from({ length: 30 }, () => ada.clone().post('/auth/refresh'))
    const refused = await Promise.race(stuck)
    t.equal(refused.status, 503)
    t.ok(performance.now() - started < 3000)
    await held.query('rollback')
    await held.end()
    const ended = await Promise.all([...waiting, ...stuck])
    t.ok(
      ended.every(({ status }) => status === 200 || status === 503),
      'done or refused, never a 500'
    )
    await recovered(app)
    t.equal((await ada.post('/auth/refresh')).status, 200)
  })
})

t.test(
  'PostgreSQL that falls silent is 503, and its connections are not used again',
  { skip: postgres.missing },
  async (t) => {
    const { wire, url } = await wiredPostgres(t)
    const { signUp } = await build(t, { env: { DATABASE_URL: url } })
    const ada = await signUp()
    wire.stall()
    const { status, body } = await ada.post('/auth/refresh')
    t.equal(status, 503)
    t.match(body, unavailable)
    const statuses: number[] = []
    for (let tries = 0; tries < 3; tries += 1) statuses.push((await ada.post('/auth/refresh')).status)
    t.ok(statuses.includes(200), `comes back by itself: ${statuses}`)
    wire.cut()
  }
)

t.test('PostgreSQL that only reads, as after a failover, is 503', { skip: postgres.missing }, async (t) => {
  const { signUp, env } = await build(t, { engine: postgres })
  const ada = await signUp()
  const name = new URL(env.DATABASE_URL as string).pathname.slice(1)
  const client = new pg.Client({ connectionString: postgresUrl })
  await client.connect()
  await client.query(`alter database ${name} set default_transaction_read_only = on`)
  await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])
  const statuses = [(await ada.post('/auth/refresh')).status, (await ada.post('/auth/refresh')).status]
  t.strictSame(statuses, [503, 503])
  await client.query(`alter database ${name} reset default_transaction_read_only`)
  await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])
  await client.end()
})

t.test('PostgreSQL that ends our connections', { skip: postgres.missing }, async (t) => {
  const { signUp, env } = await build(t, { engine: postgres })
  const ada = await signUp()
  const name = new URL(env.DATABASE_URL as string).pathname.slice(1)
  const client = new pg.Client({ connectionString: postgresUrl })
  await client.connect()
  for (let round = 0; round < 10; round += 1) {
    await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])
    const statuses = [(await ada.post('/auth/refresh')).status, (await ada.post('/auth/refresh')).status]
    t.ok(
      statuses.every((status) => status === 200 || status === 503),
      `never a 500, never a lost session: ${statuses}`
    )
  }
  await client.end()
  t.equal((await ada.post('/auth/refresh')).status, 200)
})

t.test('SQLite on a full disk', { skip: whyNoSmallDisk() }, async (t) => {
  t.test('a change that cannot be written is 503, and none that was acknowledged is lost', async (t) => {
    const { app, signUp } = await buildOnSmallDisk(t)
    const ada = await signUp()
    const acknowledged: string[] = []
    const statuses = new Set<number>()
    for (let n = 0; n < 2000 && !statuses.has(503); n += 1) {
      const name = `${n} ${'x'.repeat(90)}`
      const { status } = await ada.clone().patch('/auth/me', { name })
      statuses.add(status)
      if (status === 200) acknowledged.push(name)
      statuses.add((await ada.post('/auth/refresh')).status)
    }
    t.strictSame([...statuses], [200, 503])
    const user = await app.store.users.findByEmail('ada@example.com')
    t.equal(user?.name, acknowledged.at(-1))
  })

  t.test('many at once: whoever was told that it is done is there whole', async (t) => {
    const { app } = await buildOnSmallDisk(t)
    const emails: string[] = []
    let refused = 0
    await Promise.all(
      Array.from({ length: 10 }, async (_, worker) => {
        for (let n = 0; n < 400 && refused < 40; n += 1) {
          const email = `person-${worker}-${n}-${'x'.repeat(40)}@example.com`
          const session = { id: uuidv7(), seed: 'x'.repeat(400), ...FIRST_TOKEN, remember: false, ...TIMES }
          try {
            await app.store.transaction(async (tx) => {
              const user = { id: uuidv7(), email, name: null, passwordHash: null, version: 1, ...FLAGS }
              await tx.users.insert(user)
              await tx.sessions.insert({ ...session, userId: user.id, ip: '', userAgent: '' })
            })
            emails.push(email)
          } catch (error) {
            t.match(error, { code: 'unavailable' })
            refused += 1
          }
        }
      })
    )
    t.ok(refused > 0, 'the disk did fill')
    for (const email of emails) {
      const user = await app.store.users.findByEmail(email)
      const sessions = user ? await app.store.sessions.listLive(user.id, 0, { limit: 2 }) : []
      if (sessions.length !== 1) t.fail(`${email} was acknowledged and is not whole`)
    }
  })
})

function guardedRoute(app: FastifyInstance): void {
  app.get('/guarded', { preHandler: app.guard() }, async () => ({ ok: true }))
}

/** The database answers again, once the connections that broke unnoticed are used up: as many tries as the pool holds. */
async function recovered(app: FastifyInstance): Promise<void> {
  for (let tries = 0; tries < 12; tries += 1) {
    try {
      await app.revocations.poll()
      return await app.store.ping()
    } catch {}
  }
  throw new Error('did not come back')
}

function whyNoSmallDisk(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'only root can make a small disk to fill'
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' })
    return false
  } catch {
    return 'a small disk cannot be mounted here'
  }
}

async function buildOnSmallDisk(t: Teardown): Promise<TestApp> {
  const disk = await mkdtemp(join(tmpdir(), 'gatehouse-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk])
  const built = await build(t, { env: { DATABASE_URL: `file:${join(disk, 'full.db')}` } })
  t.teardown(async () => {
    await built.app.close()
    execFileSync('umount', [disk])
    await rm(disk, { recursive: true, force: true })
  })
  return built
}
