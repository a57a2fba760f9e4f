import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { LEFT_OUT } from './left-out.ts'

/** A database engine for tests. `missing` says why it cannot be used, or is false. */
export interface Engine {
  name: 'sqlite' | 'postgres'
  missing: string | false
  /** Creates an empty database. `remove` drops it. */
  create(): Promise<{ url: string; remove: () => Promise<unknown> }>
}

/** Milliseconds. A busy machine answers late; a server that does not run refuses much sooner. */
const PATIENCE = 30_000
const TOO_MANY_CONNECTIONS = '53300'

export const postgresUrl = process.env.TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres'

export const sqlite: Engine = {
  name: 'sqlite',
  missing: false,
  async create() {
    const folder = await mkdtemp(join(tmpdir(), 'gatehouse-'))
    return {
      url: `file:${join(folder, 'test.db')}`,
      remove: () => rm(folder, { recursive: true, force: true })
    }
  }
}

export const postgres: Engine = {
  name: 'postgres',
  missing: await whyPostgresIsMissing(),
  create: () => createOnPostgres('')
}

/** PostgreSQL with a database whose locale knows ASCII only. */
export const postgresInC: Engine = {
  ...postgres,
  create: () => createOnPostgres("lc_collate 'C' lc_ctype 'C'")
}

/** PostgreSQL as compose sets it up: the role owns the new database and has no other privileges. */
export const postgresByOwner: Engine = {
  ...postgres,
  async create() {
    const { url, remove } = await postgres.create()
    const owned = new URL(url)
    const name = owned.pathname.slice(1)
    await onPostgres(`create role ${name} login password '${name}'`)
    await onPostgres(`alter database ${name} owner to ${name}`)
    Object.assign(owned, { username: name, password: name })
    return { url: owned.href, remove: () => remove().then(() => onPostgres(`drop role ${name}`)) }
  }
}

export const engines = process.env.ENGINE === 'sqlite' ? [sqlite] : [sqlite, postgres]

async function createOnPostgres(options: string) {
  const name = `gatehouse_test_${randomBytes(6).toString('hex')}`
  await onPostgres(`create database ${name} template template0 ${await cheapestCopy()} ${options}`)
  const url = new URL(postgresUrl)
  url.pathname = `/${name}`
  return { url: url.href, remove: () => onPostgres(`drop database ${name} with (force)`) }
}

let copyBy: Promise<string> | undefined

// By default, PostgreSQL 15 writes a new database to its log block by block, which takes more processor time.
function cheapestCopy(): Promise<string> {
  copyBy ??= onPostgres('show server_version_num').then(([row]) =>
    Number(row?.server_version_num) >= 150_000 ? 'strategy file_copy' : ''
  )
  return copyBy
}

/** Runs one statement on the server's default database. Tries again if all connections are in use. */
async function onPostgres(
  statement: string,
  givesUpAt = performance.now() + PATIENCE
): Promise<Array<Record<string, string>>> {
  const client = new pg.Client({ connectionString: postgresUrl, connectionTimeoutMillis: PATIENCE })
  try {
    await client.connect()
    return (await client.query(statement)).rows
  } catch (error) {
    if (codeOf(error) !== TOO_MANY_CONNECTIONS || performance.now() > givesUpAt) throw error
    await pause(100)
    return await onPostgres(statement, givesUpAt)
  } finally {
    await client.end()
  }
}

/** Returns why PostgreSQL's tests are skipped, or false. Throws the error if PostgreSQL is required, or runs but fails. */
async function whyPostgresIsMissing(): Promise<string | false> {
  if (process.env.ENGINE === 'sqlite') return LEFT_OUT
  try {
    await onPostgres('select 1')
    return false
  } catch (error) {
    const isExpected = process.env.CI === 'true' || process.env.TEST_POSTGRES_URL !== undefined
    if (isExpected || codeOf(error) !== 'ECONNREFUSED') throw error
    return 'no PostgreSQL listens at 127.0.0.1:5432, and TEST_POSTGRES_URL names no other'
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
