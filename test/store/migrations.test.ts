import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect, sql, type TableMetadata } from 'kysely'
import pg from 'pg'
import t from 'tap'
import { openStore } from '../../store/index.ts'
import { migrationsOf } from '../../store/migrations/index.ts'
import { patientPostgresDialect } from '../../store/postgres.ts'
import { build, type Teardown } from '../harness/build.ts'
import { type Engine, engines, postgres } from '../harness/engines.ts'
import { captureLog } from '../harness/log.ts'
import { run } from '../harness/program.ts'

const quiet = () => {}

/** Kysely's advisory lock around migrations. */
const MIGRATION_LOCK = '3853314791062309107'

/** What migrations took from the version before while there was no release yet to be safe for. */
const BEFORE_FIRST_RELEASE = [
  '0002-key-schedule: signing_keys.status is gone',
  '0003-revocation-log: revocations.recorded_at is gone'
]

async function newDatabase(t: Teardown, engine: Engine): Promise<string> {
  const { url, remove } = await engine.create()
  t.teardown(remove)
  return url
}

/** The database itself, without any of ours between. */
function plainly(t: Teardown, engine: Engine, url: string): Kysely<Record<string, never>> {
  const dialect =
    engine.name === 'sqlite'
      ? new SqliteDialect({ database: new Database(url.slice('file:'.length)) })
      : patientPostgresDialect(url, quiet)
  const db = new Kysely<Record<string, never>>({ dialect })
  t.teardown(() => db.destroy())
  return db
}

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    t.test(
      'a database of a newer version is refused in one readable line, by service and command',
      async (t) => {
        const url = await newDatabase(t, engine)
        await (await openStore(url, quiet)).store.close()
        const db = plainly(t, engine, url)
        await sql`insert into gatehouse_migration (name, timestamp) values ('0999-tomorrow', '2099-01-01')`.execute(
          db
        )

        const sentence =
          'it is of a newer version of Gatehouse (0999-tomorrow): run that version, or restore a backup made before'
        const folder = await mkdtemp(join(tmpdir(), 'gatehouse-'))
        t.teardown(() => rm(folder, { recursive: true, force: true }))
        const env = { DATABASE_URL: url, AUTH_DATA_DIR: folder }
        for (const program of [['server.ts'], ['cli.ts', 'migrate']]) {
          const { code, stdout, stderr } = await run(program, { env })
          t.equal(code, 1, program.join(' '))
          t.equal(stdout, '')
          t.match(stderr, new RegExp(`^[^\\n]*${sentence.replaceAll(/[()]/g, '\\$&')}\\n$`))
        }
      }
    )

    t.test('each migration leaves the version before all that it reads and writes', async (t) => {
      const db = plainly(t, engine, await newDatabase(t, engine))
      const taken: string[] = []
      let before: TableMetadata[] = []
      for (const [name, migration] of Object.entries(migrationsOf(engine.name))) {
        await migration.up(db)
        const after = await db.introspection.getTables()
        taken.push(...takenFrom(before, after).map((what) => `${name}: ${what}`))
        before = after
      }
      t.strictSame(taken, BEFORE_FIRST_RELEASE)
    })

    t.test('clients of before 0007 keep client_credentials, and get no other grant (F10)', async (t) => {
      const db = plainly(t, engine, await newDatabase(t, engine))
      const migrations = migrationsOf(engine.name)
      const authority = migrations['0007-authority']
      await migrations['0001-initial'].up(db)
      await migrations['0004-clients'].up(db)
      await sql`insert into clients (id, name, scope, audiences, disabled, version, jwks, created_at)
        values ('a', 'a', '', '', 0, 1, '[]', 0)`.execute(db)
      await authority.up(db)
      const grants = async () => (await sql<{ grants: string }>`select grants from clients`.execute(db)).rows
      t.strictSame(await grants(), [{ grants: 'client_credentials' }])
      await authority.down?.(db)
      await t.rejects(grants())
      await authority.up(db)
      t.strictSame(await grants(), [{ grants: 'client_credentials' }])
    })
  })
}

t.test('on PostgreSQL', { skip: postgres.missing }, async (t) => {
  t.test('of many instances that start at once on an empty database, one migrates it', async (t) => {
    const url = await newDatabase(t, postgres)
    const opened = await Promise.all(Array.from({ length: 8 }, () => openStore(url, quiet)))
    t.teardown(() => Promise.all(opened.map(({ store }) => store.close())))
    t.strictSame(
      opened.map(({ migrated }) => migrated).filter((migrated) => migrated.length > 0),
      [Object.keys(migrationsOf('postgres'))]
    )
  })

  t.test('an instance waits for the migration of another for longer than a request may take', async (t) => {
    const url = await newDatabase(t, postgres)
    const other = new pg.Client({ connectionString: url })
    await other.connect()
    t.teardown(() => other.end())
    await other.query(`select pg_advisory_lock(${MIGRATION_LOCK})`)
    const { log, lines } = captureLog()
    const starting = build(t, { env: { DATABASE_URL: url }, log })
    // Longer than a statement may take on any other connection, and than Fastify gives a plugin unless told otherwise.
    t.equal(await Promise.race([starting.then(() => 'started', String), pause(10_500, 'waiting')]), 'waiting')
    t.match(lines[0], { level: 'warn', msg: /^the schema is being brought up to date.*: waiting$/ })
    await other.query(`select pg_advisory_unlock(${MIGRATION_LOCK})`)
    const { app } = await starting
    t.equal((await app.inject('/readyz')).statusCode, 200)
  })
})

/** What the version before, which still runs beside the new one, would miss or could not write. */
function takenFrom(before: TableMetadata[], after: TableMetadata[]): string[] {
  return before.flatMap(({ name: table, columns }) => {
    const now = after.find(({ name }) => name === table)
    if (!now) return [`${table} is gone`]
    const isKept = (column: string) => now.columns.some(({ name }) => name === column)
    const wasDemanded = (column: string) =>
      columns.some(({ name, isNullable }) => name === column && !isNullable)
    const gone = columns.filter(({ name }) => !isKept(name))
    const demanded = now.columns.filter(
      ({ name, isNullable, hasDefaultValue, isAutoIncrementing }) =>
        !wasDemanded(name) && !isNullable && !hasDefaultValue && !isAutoIncrementing
    )
    return [
      ...gone.map(({ name }) => `${table}.${name} is gone`),
      ...demanded.map(({ name }) => `${table}.${name} must be given`)
    ]
  })
}
