import { execFile } from 'node:child_process'
import { copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import t from 'tap'
import { uuidv7 } from '../../domain/id.ts'
import { backUpDatabase } from '../../store/sqlite/backup.ts'
import { lockDatabase } from '../../store/sqlite/service-lock.ts'
import { build, password } from '../harness/build.ts'
import { run } from '../harness/program.ts'
import { newService } from '../harness/restorable.ts'

const EX_USAGE = 64
const EX_CONFIG = 78

const restore = (words: string[], env: Record<string, string>) =>
  run(['cli.ts', 'restore', ...words], { env })

const databasesIn = async (folder: string) =>
  (await readdir(folder)).filter((name) => name.startsWith('gatehouse.db') && !name.endsWith('.lock')).sort()

t.test('a damaged database, log and all, makes room for the backup and is kept', async (t) => {
  const { service, place } = await newService(t)
  await service.signUp()
  backUpDatabase(place.path, place.backup)
  await service.app.close()
  await writeFile(place.path, 'no database any more')
  await writeFile(`${place.path}-wal`, 'nor its log')
  const { code, stdout } = await restore([place.backup], place.env)
  t.equal(code, 0)
  t.match(
    stdout,
    /\nThe revocations of the replaced database could not be read: [^\n]+ until they expire\.\n/
  )
  const files = await databasesIn(place.folder)
  t.equal(files.filter((name) => /replaced-[^-]+-\d\d-\d\dT[\d.]+Z(-wal)?$/.test(name)).length, 2)
  t.notOk(files.includes('gatehouse.db-wal'), 'no stale log beside the new one')
  const after = await build(t, { env: place.env })
  t.equal((await after.browser().post('/auth/login', { email: 'ada@example.com', password })).status, 200)
})

t.test('what a restore that was killed left behind is removed by the next one', async (t) => {
  const { service, place } = await newService(t)
  await service.signUp()
  backUpDatabase(place.path, place.backup)
  await service.app.close()
  const draft = `${place.path}.${uuidv7()}`
  const others = [`${place.path}.mine`, `${place.path}.replaced-2026-01-01T000000.000Z`]
  for (const path of [draft, `${draft}-wal`, ...others]) await writeFile(path, 'left')
  t.equal((await restore([place.backup], place.env)).code, 0)
  const files = await databasesIn(place.folder)
  t.notOk(files.some((name) => name.startsWith(basename(draft))))
  for (const path of others) t.ok(files.includes(basename(path)), path)
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
  await add('pipe', /^\S+\.copy is not a file\n$/, async (file) => {
    await rm(file)
    await promisify(execFile)('mkfifo', [file])
  })
  await add('text', /^\S+ is not a database of Gatehouse\n$/, (file) => writeFile(file, 'x'.repeat(5000)))
  await add('empty', /^\S+ is not a database of Gatehouse\n$/, (file) => writeFile(file, ''))
  await add('cut', /^\S+ is damaged\n$/, async (file) =>
    writeFile(file, (await readFile(file)).subarray(0, 40_960))
  )
  await add(
    'newer',
    /^\S+ cannot be used: it is of a newer version of Gatehouse \(0999-tomorrow\)[^\n]+\n$/,
    (file) =>
      new Database(file)
        .exec("insert into gatehouse_migration values ('0999-tomorrow', '2099-01-01')")
        .close()
  )
  for (const [what, file, expected, message] of refusals) {
    const { code, stdout, stderr } = await restore([file], place.env)
    t.equal(code, expected, what)
    t.equal(stdout, '', what)
    t.match(stderr, message, what)
  }

  const lock = lockDatabase(place.path)
  const beside = await restore([place.backup], place.env)
  lock.release()
  t.equal(beside.code, 1)
  t.match(
    beside.stderr,
    /^\S+gatehouse\.db is in use by another Gatehouse[^\n]+ Stop the service, restore, and start it again\.\n$/
  )
  t.equal((await restore([], place.env)).code, EX_USAGE)
  t.equal((await restore(['--after-pg-restore'], place.env)).code, EX_USAGE)
  t.equal((await restore([place.backup, '--after-pg-restore'], place.env)).code, EX_USAGE)

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
