import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { openStore } from '../../store/index.ts'
import { backUpDatabase } from '../../store/sqlite/backup.ts'
import { claimDatabase } from '../../store/sqlite/service-lock.ts'
import { Browser } from '../harness/browser.ts'
import { build, password, type Teardown, type TestApp } from '../harness/build.ts'
import { run } from '../harness/program.ts'

const EX_USAGE = 64
const EX_CONFIG = 78

const restore = (words: string[], env: Record<string, string>) =>
  run(['cli.ts', 'restore', ...words], { env })

interface Place {
  folder: string
  path: string
  env: Record<string, string>
  backup: string
}

/** A service in a folder of its own, as `npm start` makes it. */
async function newService(t: Teardown): Promise<{ service: TestApp; place: Place }> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'gatehouse.db')
  const env = { AUTH_DATA_DIR: folder, DATABASE_URL: `file:${path}` }
  const service = await build(t, { env })
  return { service, place: { folder, path, env, backup: join(folder, 'backup.db') } }
}

/** The same browser, at the service that was started after the restore. */
function visiting(app: TestApp['app'], { cookies }: Browser): Browser {
  const browser = new Browser(app)
  for (const [name, cookie] of cookies) browser.cookies.set(name, cookie)
  return browser
}

const databasesIn = async (folder: string) =>
  (await readdir(folder)).filter((name) => name.startsWith('gatehouse.db') && !name.endsWith('.lock')).sort()

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

  const { code, stdout, stderr } = await restore([place.backup], place.env)
  t.equal(stderr, '')
  t.equal(code, 0)
  const [replaced = ''] = (await databasesIn(place.folder)).filter((name) => name.includes('replaced'))
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
  const link = await service.app.oneTimeLinks.setUp()
  const setUp = { token: link?.token, email: 'root@example.com', password }
  backUpDatabase(place.path, place.backup)
  t.equal((await service.browser().post('/auth/setup', setUp)).status, 201)
  await service.app.close()
  t.equal((await restore([place.backup], place.env)).code, 0)
  const after = await build(t, { env: place.env })
  t.match(await after.browser().post('/auth/setup', setUp), { status: 400, body: { code: 'invalid_token' } })
})

t.test('--keep-sessions leaves those of the backup signed in', async (t) => {
  const { service, place } = await newService(t)
  const ada = await service.signUp()
  backUpDatabase(place.path, place.backup)
  await service.app.close()
  const { code, stdout } = await restore([place.backup, '--keep-sessions', '--json'], place.env)
  t.equal(code, 0)
  t.match(JSON.parse(stdout), { users: 1, sessionsEnded: 0 })
  const after = await build(t, { env: place.env })
  t.equal((await visiting(after.app, ada).get('/auth/me')).status, 200)
})

t.test('a damaged database, log and all, makes room for the backup and is kept', async (t) => {
  const { service, place } = await newService(t)
  await service.signUp()
  backUpDatabase(place.path, place.backup)
  await service.app.close()
  await writeFile(place.path, 'no database any more')
  await writeFile(`${place.path}-wal`, 'nor its log')
  t.equal((await restore([place.backup], place.env)).code, 0)
  const files = await databasesIn(place.folder)
  t.equal(files.filter((name) => /replaced-[^-]+-\d\d-\d\dT[\d.]+Z(-wal)?$/.test(name)).length, 2)
  t.notOk(files.includes('gatehouse.db-wal'), 'no stale log beside the new one')
  const after = await build(t, { env: place.env })
  t.equal((await after.browser().post('/auth/login', { email: 'ada@example.com', password })).status, 200)
})

t.test('what is not to be put in place is refused in a line, and changes nothing', async (t) => {
  const { service, place } = await newService(t)
  backUpDatabase(place.path, place.backup)
  await service.app.close()
  const before = await readFile(place.path)
  const refusals: Array<[what: string, file: string, code: number, message: RegExp]> = []
  const add = async (what: string, message: RegExp, make: (file: string) => Promise<unknown> | unknown) => {
    const file = join(place.folder, `${what}.copy`)
    await copyFile(place.backup, file)
    await make(file)
    refusals.push([what, file, 1, message])
  }
  await add('missing', /^There is no \S+\.copy\n$/, (file) => rm(file))
  await add('text', /^\S+ is not a database of Gatehouse\n$/, (file) => writeFile(file, 'x'.repeat(5000)))
  await add('empty', /^\S+ is not a database of Gatehouse\n$/, (file) => writeFile(file, ''))
  await add('cut', /^\S+ is damaged\n$/, async (file) =>
    writeFile(file, (await readFile(file)).subarray(0, 40_960))
  )
  await add(
    'newer',
    /^\S+ cannot be used: it is of a newer version of Gatehouse \(0999-tomorrow\)[^\n]+\n$/,
    (file) =>
      new Database(file).exec("insert into kysely_migration values ('0999-tomorrow', '2099-01-01')").close()
  )
  for (const [what, file, expected, message] of refusals) {
    const { code, stdout, stderr } = await restore([file], place.env)
    t.equal(code, expected, what)
    t.equal(stdout, '', what)
    t.match(stderr, message, what)
  }

  const lock = claimDatabase(place.path)
  const beside = await restore([place.backup], place.env)
  lock.release()
  t.equal(beside.code, 1)
  t.match(
    beside.stderr,
    /^\S+gatehouse\.db is in use by another Gatehouse[^\n]+ Stop the service, restore, and start it again\.\n$/
  )
  t.equal((await restore([], place.env)).code, EX_USAGE)

  const other = { ...place.env, AUTH_MASTER_KEY: 'q8Zk3nX0vJr5YtLw2bHd7sGf9mCp4aEuTiKo6RyB1jM' }
  const wrongKey = await restore([place.backup], other)
  t.equal(wrongKey.code, EX_CONFIG)
  t.match(
    wrongKey.stderr,
    /^The master key of AUTH_MASTER_KEY does not open the signing keys of this backup \([\w-]{43}, [\w-]{43}\)[^\n]+\n$/
  )
  await rm(join(place.folder, 'master.key'))
  const noKey = await restore([place.backup], place.env)
  t.equal(noKey.code, EX_CONFIG)
  t.match(noKey.stderr, /^There is no master key at \S+master\.key: [^\n]+\n$/)

  t.ok(before.equals(await readFile(place.path)), 'the database is as it was')
  t.strictSame(await databasesIn(place.folder), ['gatehouse.db'], 'and nothing stands beside it')
})
