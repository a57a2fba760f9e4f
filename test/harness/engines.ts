import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'

/** A database server that suites run on; `missing` says why it cannot be used here. */
export interface Engine {
  name: 'sqlite' | 'postgres'
  missing: string | false
  /** A new, empty database, and how to remove it. */
  create(): Promise<{ url: string; remove: () => Promise<void> }>
}

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
  async create() {
    const name = `gatehouse_test_${randomBytes(6).toString('hex')}`
    await onPostgres(`create database ${name} template template0`)
    const url = new URL(postgresUrl)
    url.pathname = `/${name}`
    return { url: url.href, remove: () => onPostgres(`drop database ${name} with (force)`) }
  }
}

/** The same by a role that owns the new database and is nothing else, as compose makes it. */
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

export const engines = [sqlite, postgres]

/** Runs one statement on the server's own database. */
async function onPostgres(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgresUrl, connectionTimeoutMillis: 2000 })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

async function whyPostgresIsMissing(): Promise<string | false> {
  try {
    await onPostgres('select 1')
    return false
  } catch (error) {
    return `PostgreSQL does not answer at TEST_POSTGRES_URL (${(error as NodeJS.ErrnoException).code ?? 'refused'})`
  }
}
