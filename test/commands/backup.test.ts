import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { copyFile, mkdir, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import pg from 'pg'
import t from 'tap'
import type { Store } from '../../domain/model/store.ts'
import { openStore } from '../../store/index.ts'
import { backUpDatabase } from '../../store/sqlite/backup.ts'
import { build, password, type Teardown } from '../harness/build.ts'
import { Client } from '../harness/client.ts'
import { gatehouse, gatehouseJson } from '../harness/command.ts'
import { postgres, postgresUrl } from '../harness/engines.ts'
import { newFolder } from '../harness/folder.ts'
import { run, startServer } from '../harness/program.ts'

const CHANGES_BEFORE = 100

/** A database without a service: its path, and a folder for backups. */
async function newDatabase(t: Teardown): Promise<{ path: string; folder: string }> {
  const folder = await newFolder(t)
  const path = join(folder, 'gatehouse.db')
  await (await openStore(`file:${path}`, () => {})).store.close()
  return { path, folder }
}

/** A change that the service said it had made, and whether it is in a database. */
type Change = { what: string; isIn(store: Store): Promise<boolean> }

/** People who register, get a role and sign out, until told to stop; `done` has what they were told is done. */
function startLoad(url: string, administrator: Client) {
  const done: Change[] = []
  let stopping = false
  async function work(worker: number): Promise<void> {
    for (let n = 0; !stopping; n += 1) {
      const email = `user-${worker}-${n}@example.com`
      const browser = new Client(url)
      const { user, session } = await browser.must('POST', '/auth/register', { email, password })
      done.push({
        what: 'registration',
        isIn: async (store) => (await store.users.findByEmail(email)) !== undefined
      })
      await administrator.must('PATCH', `/admin/users/${user.id}`, { roles: ['user', 'editor'] })
      done.push({
        what: 'role change',
        isIn: async (store) => (await store.users.find(user.id))?.roles.includes('editor') === true
      })
      await browser.must('POST', '/auth/logout')
      done.push({
        what: 'logout',
        isIn: async (store) => typeof (await store.sessions.find(session.id))?.endedAt === 'number'
      })
    }
  }
  const workers = [1, 2, 3, 4].map(work)
  const stop = async () => {
    stopping = true
    await Promise.all(workers)
  }
  return { done, stop }
}

t.test('every change acknowledged before a backup under load is there after its restore', async (t) => {
  const folder = await newFolder(t)
  const env = {
    AUTH_DATA_DIR: join(folder, 'data'),
    LOG_LEVEL: 'silent',
    AUTH_RATE_LIMIT_PER_IP: '0',
    AUTH_LOGIN_LIMIT_PER_IP: '0'
  }
  const server = await startServer(env)
  t.teardown(() => server.stop('SIGTERM'))
  const administrator = new Client(server.url)
  const token = server.notice.setup?.split('#token=')[1]
  await administrator.must('POST', '/auth/setup', { token, email: 'root@example.com', password })
  await administrator.must('POST', '/admin/roles', { name: 'editor', description: '', scope: 'a:b' })

  const load = startLoad(server.url, administrator)
  while (load.done.length < CHANGES_BEFORE) await pause(10)
  const before = [...load.done]
  const file = join(folder, 'backup.db')
  // A separate process: in this one, the load would pause meanwhile.
  const made = JSON.parse((await run(['cli.ts', 'backup', file, '--json'], { env })).stdout)
  const during = load.done.length - before.length
  await load.stop()

  const elsewhere = join(folder, 'elsewhere')
  await mkdir(elsewhere)
  await copyFile(join(env.AUTH_DATA_DIR, 'master.key'), join(elsewhere, 'master.key'))
  await gatehouseJson(['restore', file, '--keep-sessions'], { AUTH_DATA_DIR: elsewhere })
  const { store } = await openStore(`file:${join(elsewhere, 'gatehouse.db')}`, () => {})
  t.teardown(() => store.close())
  const lost = []
  for (const { what, isIn } of before) if (!(await isIn(store))) lost.push(what)
  t.strictSame(lost, [])
  t.ok(during > 0, 'the service went on writing while the backup was made')
  const count = (what: string) => before.filter((change) => change.what === what).length
  for (const what of ['registration', 'role change', 'logout']) t.ok(count(what) > 0, what)
  t.comment(
    `${before.length} changes (${count('registration')} registrations, ${count('role change')} role changes, ` +
      `${count('logout')} logouts), ${during} more while the backup of ${made.bytes} bytes was made, ${lost.length} lost`
  )
})

t.test('a backup is for nobody else to read, and says that the master key is not in it', async (t) => {
  const { path, folder } = await newDatabase(t)
  const file = join(folder, 'backup.db')
  const env = { AUTH_DATA_DIR: folder, DATABASE_URL: `file:${path}` }
  const { code, stdout, stderr } = await gatehouse(['backup', file], env)
  t.equal(stderr, '')
  t.equal(code, 0)
  t.match(stdout, /backup\.db: [\d.]+ KiB, 0 users, written and checked\.\n/)
  t.match(stdout, `keep ${join(folder, 'master.key')} as well, in another place`)
  t.equal((await stat(file)).mode & 0o777, 0o600)
  const left = (await readdir(folder)).filter((name) => !/^gatehouse\.db/.test(name))
  t.strictSame(left, ['backup.db'], 'and nothing else is left behind')
})

t.test('a backup keeps what was there: positions of revocations go on from where they were', async (t) => {
  const { path, folder } = await newDatabase(t)
  const { store } = await openStore(`file:${path}`, () => {})
  await store.revocations.add([{ kind: 'sid', id: 'one', expiresAt: 1 }])
  await store.purge(Date.now(), 1000)
  const { next } = await store.revocations.since(0, 0)
  await store.close()
  backUpDatabase(path, join(folder, 'backup.db'))
  const copy = await openStore(`file:${join(folder, 'backup.db')}`, () => {})
  t.teardown(() => copy.store.close())
  t.ok(next > 1)
  t.equal((await copy.store.revocations.since(0, 0)).next, next)
})

t.test('what cannot be backed up is refused in a sentence, and leaves nothing', async (t) => {
  const { path, folder } = await newDatabase(t)
  const refusal = (from: string, to: string) => {
    try {
      backUpDatabase(from, to)
    } catch (error) {
      return (error as Error).message
    }
  }
  const file = join(folder, 'backup.db')
  await writeFile(file, 'precious')
  t.equal(refusal(path, file), `${file} exists already: a backup is written to a new file`)
  t.equal(await readFile(file, 'utf8'), 'precious')
  await rm(file)

  t.equal(refusal(join(folder, 'missing.db'), file), `There is no ${join(folder, 'missing.db')}`)
  t.equal(refusal(path, join(folder, 'no/such/x.db')), `There is no folder ${join(folder, 'no/such')}`)
  const other = join(folder, 'other.db')
  new Database(other).exec('create table notes (text)').close()
  t.equal(refusal(other, file), `${other} is not a database of Gatehouse`)

  const newer = join(folder, 'newer.db')
  await copyFile(path, newer)
  new Database(newer).exec("insert into gatehouse_migration values ('0999-tomorrow', '2099-01-01')").close()
  t.match(
    refusal(newer, file),
    /^\S+ cannot be used: it is of a newer version of Gatehouse \(0999-tomorrow\)/
  )

  const damaged = join(folder, 'damaged.db')
  const bytes = await readFile(path)
  await writeFile(damaged, bytes.fill(0xaa, 4096 * 3, 4096 * 12))
  t.match(refusal(damaged, file), / is damaged$/)
  const left = (await readdir(folder)).filter((name) => name.startsWith('backup'))
  t.strictSame(left, [])
})

t.test('a name that somebody else takes while the backup is made stays theirs', async (t) => {
  const { path, folder } = await newDatabase(t)
  const file = join(folder, 'backup.db')
  const taken = { message: `${file} exists already: a backup is written to a new file` }
  // A link to nothing yet: whoever only asks whether there is a file hears that there is none.
  await symlink(join(folder, 'theirs.db'), file)
  t.throws(() => backUpDatabase(path, file), taken)

  await t.test('and on a file system without links', async (t) => {
    const { linkSync } = fs
    t.teardown(() => replaceLinkSync(linkSync))
    replaceLinkSync(() => {
      throw Object.assign(new Error('operation not permitted'), { code: 'EPERM' })
    })
    t.throws(() => backUpDatabase(path, file), taken)
    const other = join(folder, 'other.db')
    t.match(backUpDatabase(path, other), { users: 0 })
    t.equal((await stat(other)).mode & 0o777, 0o600)
  })
  t.equal(await readlink(file), join(folder, 'theirs.db'))
  const left = (await readdir(folder)).filter((name) => !/^gatehouse\.db/.test(name))
  t.strictSame(left.sort(), ['backup.db', 'other.db'])
})

function replaceLinkSync(linkSync: typeof fs.linkSync): void {
  fs.linkSync = linkSync
  syncBuiltinESMExports()
}

t.test('on PostgreSQL the command says which program does it', async (t) => {
  const file = '/srv/copies of today/gatehouse.dump'
  const command = `pg_dump --format=custom --file='${file}'`
  const secret = 'postgres://gatehouse:hunter2@127.0.0.1:1/x'
  const plain = await gatehouse(['backup', file], { DATABASE_URL: secret })
  t.equal(plain.code, 1)
  t.equal(plain.stderr, `PostgreSQL has a program for this: ${command} "\${DATABASE_URL:?}"\n`)
  const folder = await newFolder(t)
  await writeFile(join(folder, 'url'), secret)
  const env = { DATABASE_URL_FILE: join(folder, 'url') }
  const filed = await gatehouse(['restore', 'x.dump'], env)
  t.equal(filed.code, 1)
  t.match(
    filed.stderr,
    /^PostgreSQL has a program for this: pg_restore --no-owner --dbname="\$\(cat "\$DATABASE_URL_FILE"\)" x\.dump /
  )
})

t.test('pg_dump and pg_restore, as the commands say them', { skip: await whyNoDump() }, async (t) => {
  const service = await build(t, { engine: postgres })
  const ada = await service.signUp('ada@example.com')
  const folder = await newFolder(t)
  const file = join(folder, 'gatehouse.dump')
  const empty = await postgres.create()
  t.teardown(empty.remove)
  const shell = (command: string, url: string) =>
    promisify(execFile)('sh', ['-c', command], { env: { PATH: process.env.PATH, DATABASE_URL: url } })
  const said = async (args: string[]) => {
    const { stderr } = await gatehouse([...args], { DATABASE_URL: empty.url })
    return stderr.replace('PostgreSQL has a program for this: ', '').replace(/ \(into.*/s, '')
  }
  await shell(await said(['backup', file]), service.env.DATABASE_URL as string)
  const tooEarly = await gatehouse(['restore', '--after-pg-restore'], { DATABASE_URL: empty.url })
  t.equal(tooEarly.stderr, 'The database is empty: pg_restore comes first\n')
  t.equal(tooEarly.code, 1)
  await shell(await said(['restore', file]), empty.url)

  const env = { ...service.env, DATABASE_URL: empty.url }
  t.strictSame(await gatehouseJson(['restore', '--after-pg-restore'], env), { sessionsEnded: 1 })
  const restored = await build(t, { env })
  const back = restored.browser()
  const { body } = await back.post('/auth/login', { email: 'ada@example.com', password })
  const changed = await service.app.store.users.bumpVersion({ id: body.user.id })
  const now = await restored.app.store.users.find(body.user.id)
  t.ok((now?.version ?? 0) > (changed[0]?.version ?? 0), 'tokens count to who knows what was revoked since')
  t.equal((await ada.get('/auth/me')).status, 200, 'the database that was dumped is as it was')
})

async function whyNoDump(): Promise<string | false> {
  if (postgres.missing) return postgres.missing
  const { stdout } = await promisify(execFile)('pg_dump', ['--version']).catch(() => ({ stdout: '' }))
  const ours = /(\d+)/.exec(stdout)?.[1]
  if (ours === undefined) return 'pg_dump is not installed'
  const client = new pg.Client({ connectionString: postgresUrl })
  await client.connect()
  const { rows } = await client.query('show server_version')
  await client.end()
  const theirs = Number.parseInt(rows[0].server_version, 10)
  return Number(ours) < theirs ? `pg_dump ${ours} is older than the server (${theirs})` : false
}
