import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { decodeJwt } from 'jose'
import t from 'tap'
import type { OptionValues } from '../../commands/command.ts'
import type { FeedPlace } from '../../domain/revocations/revocation-log.ts'
import { openStore } from '../../store/index.ts'
import { backUpDatabase } from '../../store/sqlite/backup.ts'
import { type Revocable, RevocationSet } from '../../verifier/revocation-set.ts'
import { build, password, type TestApp } from '../harness/build.ts'
import { createClock } from '../harness/clock.ts'
import { gatehouse, perform } from '../harness/command.ts'
import { newService, visiting } from '../harness/restorable.ts'
import { ask, make } from '../routes/admin/machines.ts'

const HOUR = 3_600_000

interface Backup {
  env: Record<string, string>
  backup: string
}

const AT_ONCE = { client: 'orders', wait: 0, signal: AbortSignal.timeout(1000) }

/** A service that follows the revocations, before and after. */
function newFollower() {
  const revoked = new RevocationSet()
  let place: FeedPlace | undefined
  return {
    async read({ app }: TestApp) {
      await app.revocations.poll()
      const news = await app.revocations.after(place, AT_ONCE)
      for (const entry of news.entries) revoked.add(entry)
      place = news.place
    },
    statusOf: (token: string) => revoked.statusOf(decodeJwt<Revocable>(token) as Revocable)
  }
}

const restore = ({ env, backup }: Backup, values: OptionValues = {}) =>
  perform(env, 'restore', values, [backup])

t.test('after a restore nothing is signed in, whatever became of it since the backup', async (t) => {
  const { service, place } = await newService(t)
  const stayed = await service.signUp('stayed@example.com')
  const left = await service.signUp('left@example.com')
  backUpDatabase(place.path, place.backup)
  const copyOfLeft = visiting(service.app, left)
  await left.post('/auth/logout')
  const late = service.browser()
  await late.post('/auth/login', { email: 'stayed@example.com', password })
  const lateAndLeft = service.browser()
  await lateAndLeft.post('/auth/login', { email: 'stayed@example.com', password })
  const copyOfLateAndLeft = visiting(service.app, lateAndLeft)
  await lateAndLeft.post('/auth/logout')
  await service.signUp('newcomer@example.com')
  await service.app.close()

  const { code, stdout, stderr } = await gatehouse(['restore', place.backup], place.env)
  t.equal(stderr, '')
  t.equal(code, 0)
  const [replaced = ''] = (await readdir(place.folder)).filter((name) => name.includes('replaced'))
  t.match(replaced, /^gatehouse\.db\.replaced-\d{4}-\d\d-\d\dT\d{6}\.\d{3}Z$/)
  t.equal(
    stdout,
    `Restored ${place.backup}: 2 users.\n2 sessions ended: everybody signs in again.\n` +
      `What was there before is ${join(place.folder, replaced)}.\n`
  )

  const after = await build(t, { env: place.env })
  for (const browser of [stayed, copyOfLeft, late, copyOfLateAndLeft]) {
    const again = visiting(after.app, browser)
    t.equal((await again.get('/auth/check')).status, 401, 'the access token counts no more')
    t.equal((await again.post('/auth/refresh')).status, 401, 'nor does the refresh token')
  }
  t.equal((await after.browser().post('/auth/login', { email: 'stayed@example.com', password })).status, 200)
  const events = await after.app.store.audit.list({ limit: 10, type: 'session.all_ended' })
  t.match(events, [{ actorId: 'operator', userId: null, detail: { reason: 'database_restored', count: 2 } }])

  const before = await openStore(`file:${join(place.folder, replaced)}`, () => {})
  t.teardown(() => before.store.close())
  t.ok(await before.store.users.findByEmail('newcomer@example.com'), 'what was there before is whole')
})

t.test('a one-time link that was used after the backup opens nothing after its restore', async (t) => {
  const { service, place } = await newService(t)
  const link = await service.app.accounts.firstAdministrator.issueLink()
  const setUp = { token: link?.token, email: 'root@example.com', password }
  backUpDatabase(place.path, place.backup)
  t.equal((await service.browser().post('/auth/setup', setUp)).status, 201)
  await service.app.close()
  await restore(place)
  const after = await build(t, { env: place.env })
  t.match(await after.browser().post('/auth/setup', setUp), { status: 400, body: { code: 'invalid_token' } })
})

t.test('--keep-sessions leaves those of the backup signed in', async (t) => {
  const { service, place } = await newService(t)
  const ada = await service.signUp()
  backUpDatabase(place.path, place.backup)
  await service.app.close()
  t.match((await restore(place, { 'keep-sessions': true })).json, { users: 1, sessionsEnded: 0 })
  const after = await build(t, { env: place.env })
  t.equal((await visiting(after.app, ada).get('/auth/me')).status, 200)
})

for (const values of [{}, { 'keep-sessions': true }]) {
  const how = 'keep-sessions' in values ? 'with their sessions kept' : 'by a new sign-in'
  t.test(`whoever was changed after the backup gets tokens that count, ${how}`, async (t) => {
    const { service, place } = await newService(t)
    const root = await service.setUp()
    const ada = await service.signUp()
    const { id, clientSecret } = await make(root, 'orders:read')
    backUpDatabase(place.path, place.backup)
    for (const scope of ['a:b', 'c:d']) {
      t.equal((await root.put('/admin/roles/user', { scope })).status, 200)
      t.equal((await root.post('/auth/refresh')).status, 200)
      t.equal((await root.patch(`/admin/clients/${id}`, { scope })).status, 200)
    }
    const { body: wide } = await ask(service, id, clientSecret)
    const follower = newFollower()
    await follower.read(service)
    await service.app.close()
    await restore(place, values)

    const after = await build(t, { env: place.env })
    await follower.read(after)
    const back = 'keep-sessions' in values ? visiting(after.app, ada) : after.browser()
    if ('keep-sessions' in values) t.equal((await back.post('/auth/refresh')).status, 200)
    else t.equal((await back.post('/auth/login', { email: 'ada@example.com', password })).status, 200)
    t.equal((await back.get('/auth/me')).status, 200)
    t.equal(follower.statusOf(back.value('access')), 'valid', 'to a service that follows, too')

    const { body: narrow } = await ask(after, id, clientSecret)
    t.equal(narrow.scope, 'orders:read')
    t.equal(follower.statusOf(narrow.access_token), 'valid')
    t.equal(follower.statusOf(wide.access_token), 'revoked', 'what it might do since, it may no more')
  })
}

t.test('a service that followed before learns of every session that the restore ended', async (t) => {
  const { service, place } = await newService(t)
  const ada = await service.signUp()
  backUpDatabase(place.path, place.backup)
  const follower = newFollower()
  for (let count = 0; count < 5; count += 1) {
    const late = service.browser()
    await late.post('/auth/login', { email: 'ada@example.com', password })
    await late.post('/auth/logout')
  }
  await follower.read(service)
  t.equal(follower.statusOf(ada.value('access')), 'valid')
  await service.app.close()
  await restore(place)
  await follower.read(await build(t, { env: place.env }))
  t.equal(follower.statusOf(ada.value('access')), 'revoked')
})

t.test('a session counts no more that was idle for too long by the backup alone', async (t) => {
  const clock = createClock(Date.now() - 30 * HOUR)
  const { service, place } = await newService(t, clock)
  const ada = await service.signUp()
  backUpDatabase(place.path, place.backup)
  for (const hours of [20, 10]) {
    clock.advance(hours * HOUR)
    t.equal((await ada.post('/auth/refresh')).status, 200)
  }
  await service.app.close()
  t.match((await restore(place)).json, { sessionsEnded: 0 })
  const after = await build(t, { env: place.env })
  t.equal((await visiting(after.app, ada).get('/auth/check')).status, 401)
  t.equal((await visiting(after.app, ada).post('/auth/refresh')).status, 401)
})

t.test('no position in the feed is given out twice, however many restores follow each other', async (t) => {
  const { service, place } = await newService(t)
  await service.signUp()
  backUpDatabase(place.path, place.backup)
  await service.app.close()
  const database = new Database(place.path)
  const ahead = Date.now() + HOUR
  database.prepare("insert or replace into sqlite_sequence (name, seq) values ('revocations', ?)").run(ahead)
  database.close()
  await restore(place)
  const { app } = await build(t, { env: place.env })
  await app.revocations.poll()
  const { entries, place: end } = await app.revocations.after(undefined, AT_ONCE)
  t.ok(entries.length > 0)
  t.ok(end.position > ahead)
})

t.test('where sessions are kept, what was revoked beside them stays so', async (t) => {
  const { service, place } = await newService(t)
  const ada = await service.signUp()
  backUpDatabase(place.path, place.backup)
  const late = service.browser()
  await late.post('/auth/login', { email: 'ada@example.com', password })
  const jti = { kind: 'jti', id: 'a-token', expiresAt: service.clock() + HOUR } as const
  await service.app.store.revocations.add([jti])
  await service.app.close()
  await restore(place, { 'keep-sessions': true })
  const after = await build(t, { env: place.env })
  t.equal((await visiting(after.app, ada).get('/auth/check')).status, 204)
  t.equal((await visiting(after.app, late).get('/auth/check')).status, 401)
  t.equal(after.app.revocations.statusOf({ jti: jti.id, sub: 'ada' }), 'revoked')
})

t.test('a backup without signing keys asks for no master key: the next start makes both', async (t) => {
  const { service, place } = await newService(t)
  await service.signUp()
  backUpDatabase(place.path, place.backup)
  await service.app.close()
  new Database(place.backup).exec('delete from signing_keys').close()
  await rm(join(place.folder, 'master.key'))
  await restore(place)
  const after = await build(t, { env: place.env })
  const again = after.browser()
  t.equal((await again.post('/auth/login', { email: 'ada@example.com', password })).status, 200)
})
