import Database from 'better-sqlite3'
import { Kysely, SqliteDialect, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import pg from 'pg'
import t from 'tap'
import { openStore } from '../../store/index.ts'
import { inspectDatabase } from '../../store/inspection.ts'
import { migrationsOf } from '../../store/migrations/index.ts'
import { patientPostgresDialect } from '../../store/postgres.ts'
import { examineDatabase } from '../../store/sqlite/examine.ts'
import type { Teardown } from '../harness/build.ts'
import { type Engine, engines, postgres, postgresByOwner } from '../harness/engines.ts'
import { newFolder } from '../harness/folder.ts'
import { gatehouse } from '../harness/program.ts'
import { until } from '../harness/token-watch.ts'
import { newUser } from './rows.ts'

const quiet = () => {}

/** Other apps name migrations like this, too. */
const OTHER_APP = `create table kysely_migration (name varchar(255) primary key, timestamp varchar(255) not null);
  create table kysely_migration_lock (id varchar(255) primary key, is_locked integer not null default 0);
  insert into kysely_migration values ('0001-initial', '2026-01-01')`

async function newDatabase(t: Teardown, engine: Engine): Promise<string> {
  const { url, remove } = await engine.create()
  t.teardown(remove)
  return url
}

/** Runs statements as an app beside Gatehouse, or as an operator. */
async function runIn(url: string, statements: string): Promise<void> {
  if (url.startsWith('file:')) {
    new Database(url.slice('file:'.length)).exec(statements).close()
    return
  }
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(statements)
  await client.end()
}

/** The installation that a version left which kept its migrations in Kysely's own tables. */
async function earlierInstallation(t: Teardown, engine: Engine): Promise<string> {
  const url = await newDatabase(t, engine)
  const dialect =
    engine.name === 'sqlite'
      ? new SqliteDialect({ database: new Database(url.slice('file:'.length)) })
      : patientPostgresDialect(url, quiet)
  const db = new Kysely({ dialect })
  if (engine.name === 'sqlite') await sql`pragma journal_mode = wal`.execute(db)
  const migrations = Object.entries(migrationsOf(engine.name)).filter(([name]) => name < '0011')
  const provider = { getMigrations: async () => Object.fromEntries(migrations) }
  const { error } = await new Migrator({ db, provider }).migrateToLatest()
  await db.destroy()
  if (error) throw error
  return url
}

async function migrationTables(url: string): Promise<string[]> {
  const dialect = url.startsWith('file:')
    ? new SqliteDialect({ database: new Database(url.slice('file:'.length)) })
    : patientPostgresDialect(url, quiet)
  const db = new Kysely({ dialect })
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  await db.destroy()
  return tables.map(({ name }) => name).filter((name) => /migration/.test(name))
}

/** Opens the store, and closes it with the test. Returns the migrations that ran. */
async function opened(t: Teardown, url: string) {
  const { store, migrated } = await openStore(url, quiet)
  t.teardown(() => store.close())
  return { store, migrated }
}

const inSchema = (url: string, name: string) => `${url}?options=-c%20search_path%3D${name}`

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const all = Object.keys(migrationsOf(engine.name))

    t.test('another app with Kysely in the same schema keeps its migrations', async (t) => {
      const url = await newDatabase(t, engine)
      await runIn(url, OTHER_APP)
      t.strictSame((await opened(t, url)).migrated, all)
      t.strictSame((await opened(t, url)).migrated, [])
      const ours = ['gatehouse_migration', 'gatehouse_migration_lock']
      t.strictSame(await migrationTables(url), [...ours, 'kysely_migration', 'kysely_migration_lock'])
    })

    t.test('instances that start at once take over an earlier installation, with its rows', async (t) => {
      const url = await earlierInstallation(t, engine)
      const starts = await Promise.all([1, 2, 3, 4].map(() => opened(t, url)))
      const ran = starts.map(({ migrated }) => migrated).filter((migrated) => migrated.length > 0)
      t.strictSame(
        ran.flat(),
        all.filter((name) => name >= '0011')
      )
      t.strictSame(await migrationTables(url), ['gatehouse_migration', 'gatehouse_migration_lock'])
    })

    t.test('an earlier installation is known as one before it is taken over', async (t) => {
      const url = await earlierInstallation(t, engine)
      const { isEmpty, unknown } = await inspectDatabase(url)
      t.strictSame({ isEmpty, unknown }, { isEmpty: false, unknown: [] })
    })

    t.test('tables of an app in the way are named, with advice, and nothing is left behind', async (t) => {
      const url = await newDatabase(t, engine)
      await runIn(url, 'create table users (id integer); create table sessions (id integer)')
      const env = { DATABASE_URL: url, AUTH_DATA_DIR: await newFolder(t) }
      const { code, stderr } = await gatehouse(['migrate'], env)
      t.equal(code, 78)
      t.match(stderr, /DATABASE_URL .*users, sessions/)
      t.match(stderr, engine.name === 'sqlite' ? /another file/ : /\?options=-c%20search_path%3Dgatehouse/)
      t.strictSame(await migrationTables(url), [])
      t.strictSame((await inspectDatabase(url)).inTheWay, ['users', 'sessions'])
    })
  })
}

t.test('a backup of an earlier installation on SQLite is still Gatehouse’s', async (t) => {
  const url = await earlierInstallation(t, engines[0] as Engine)
  t.equal(examineDatabase(url.slice('file:'.length)).users, 0)
})

t.test('on PostgreSQL', { skip: postgres.missing }, async (t) => {
  t.test('another app with Kysely in another schema is no concern', async (t) => {
    const url = await newDatabase(t, postgres)
    await runIn(url, `create schema shop; set search_path = shop; ${OTHER_APP}`)
    t.ok((await opened(t, url)).migrated.length > 0)
  })

  t.test('Kysely’s tables of another role are left alone', async (t) => {
    const url = await newDatabase(t, postgresByOwner)
    const admin = new URL(url)
    Object.assign(admin, { username: 'postgres', password: '' })
    await runIn(admin.href, OTHER_APP)
    t.ok((await opened(t, url)).migrated.length > 0)
  })

  t.test('two Gatehouses in two schemas of one database have nothing in common', async (t) => {
    const url = await newDatabase(t, postgres)
    await runIn(url, 'create schema one; create schema "Two"')
    const [one, two] = await Promise.all([
      opened(t, inSchema(url, 'one')),
      opened(t, inSchema(url, '%22Two%22'))
    ])
    t.strictSame(one.migrated, two.migrated)
    t.equal(await one.store.users.insert(newUser('ada@example.com')), true)
    t.equal(await two.store.users.insert(newUser('ada@example.com')), true)
    const { pending, isEmpty } = await inspectDatabase(inSchema(url, '%22Two%22'))
    t.strictSame({ pending, isEmpty }, { pending: [], isEmpty: false })
    t.equal((await inspectDatabase(url)).isEmpty, true)
  })

  t.test('a search_path that names no schema is told, with what to do', async (t) => {
    const url = await newDatabase(t, postgres)
    await t.rejects(openStore(inSchema(url, 'nowhere'), quiet), { message: /create schema/ })
  })

  t.test('a time limit of the role ends no migration that waits for another', async (t) => {
    const url = await newDatabase(t, postgresByOwner)
    const role = new URL(url).username
    await runIn(
      url,
      `alter role ${role} set lock_timeout = '100ms'; alter role ${role} set statement_timeout = '200ms'`
    )
    const other = new pg.Client({ connectionString: url })
    await other.connect()
    await other.query('set statement_timeout = 0; select pg_advisory_lock(3853314791062309107)')
    const starting = opened(t, url)
    const waits = `select from pg_stat_activity where datname = current_database() and wait_event = 'advisory'
      and clock_timestamp() - query_start > interval '500 ms'`
    await until(async () => (await other.query(waits)).rowCount === 1, 'the migration waits')
    await other.end()
    t.ok((await starting).migrated.length > 0)
  })
})
