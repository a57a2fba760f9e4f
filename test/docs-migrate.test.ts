import { spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import t from 'tap'
import { type ImportedAccount, readAccount } from '../domain/import/record.ts'
import { createPasswordHasher } from '../domain/passwords/hasher.ts'
import { AccountRecord } from '../schemas/account-record.ts'
import vectors from './domain/passwords/imported/vectors.json' with { type: 'json' }
import { postgres } from './harness/engines.ts'
import { newFolder } from './harness/folder.ts'

const page = await readFile(new URL('../docs/migrate.md', import.meta.url), 'utf8')
const hasher = await createPasswordHasher({ memoryKib: 1024, time: 2, parallelism: 1 })
const now = Date.parse('2026-11-01T00:00:00Z')

/** The block of code in the section about a system. */
function blockFrom(system: string, language: string): string {
  const [, section = ''] = page.split(`## From ${system}\n`)
  const [, block] = section.split(`\`\`\`${language}\n`)
  if (block === undefined) throw new Error(`no ${language} about ${system}`)
  return block.slice(0, block.indexOf('```'))
}

/** A hash that another program made, and its password. */
function hashOf(family: string, like = /./): { hash: string; password: string } {
  const vector = vectors.find((each) => each.family === family && like.test(each.hash))
  if (!vector) throw new Error(`no hash of ${family}`)
  return vector
}

const accountsIn = (lines: string) =>
  lines
    .trimEnd()
    .split('\n')
    .map((line, n) => readAccount(line, n + 1, now))

async function opens({ passwordHash }: ImportedAccount, password: string): Promise<boolean> {
  return hasher.verify(passwordHash, password)
}

t.test('docs/migrate.md lists the fields that a line may have', (t) => {
  const [, table = ''] = page.split('| field | contains |\n')
  const fields = [...table.slice(0, table.indexOf('\n\n')).matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name)
  t.strictSame(fields, Object.keys(AccountRecord.properties))
  t.end()
})

const jq = { skip: spawnSync('jq', ['--version']).error && process.env.CI !== 'true' && 'there is no jq' }

t.test('each program for jq writes lines that an import takes', jq, async (t) => {
  const folder = await newFolder(t)
  const convert = async (system: string, file: string, exported: unknown, env = {}) => {
    const lines = Array.isArray(exported) ? exported : [exported]
    await writeFile(join(folder, file), lines.map((each) => JSON.stringify(each)).join('\n'))
    const block = blockFrom(system, 'sh')
    const { stderr } = spawnSync('sh', ['-ec', block.slice(block.indexOf('jq -c'))], {
      cwd: folder,
      env: { ...process.env, ...env },
      encoding: 'utf8'
    })
    t.equal(stderr, '', system)
    return accountsIn(await readFile(join(folder, 'users.jsonl'), 'utf8'))
  }

  await t.test('Firebase', async (t) => {
    const { hash, password } = hashOf('firebase', /n=14/)
    const [, parameters = '', salt, passwordHash] = hash.split('$').slice(1)
    const user = {
      email: 'ada@example.com',
      displayName: 'Ada',
      emailVerified: true,
      createdAt: '1700000000123'
    }
    const users = [
      { ...user, salt, passwordHash },
      { localId: 'x', providerUserInfo: [] },
      { email: 'g@example.com', emailVerified: true, disabled: true, createdAt: '1700000000123' }
    ]
    const [, separator = ''] = /ss=([^,]+)/.exec(parameters) ?? []
    const [, key = ''] = /sk=(.+)/.exec(parameters) ?? []
    const env = { BASE64_SIGNER_KEY: key, BASE64_SALT_SEPARATOR: separator }
    const [ada, g] = (await convert('Firebase', 'users.json', { users }, env)) as [
      ImportedAccount,
      ImportedAccount
    ]
    t.match(ada, { email: 'ada@example.com', name: 'Ada', emailVerified: true, disabled: false })
    t.equal(ada.createdAt, 1_700_000_000_000)
    t.equal(await opens(ada, password), true)
    t.match(g, { disabled: true, passwordHash: null })
  })

  await t.test('Auth0', async (t) => {
    const { hash, password } = hashOf('bcrypt', /^\$2b/)
    const exported = [
      { _id: { $oid: '1' }, email: 'ada@example.com', email_verified: true, passwordHash: hash },
      { _id: { $oid: '2' }, email: 'bob@example.com' }
    ]
    const [ada, bob] = (await convert('Auth0', 'auth0.json', exported)) as [ImportedAccount, ImportedAccount]
    t.match(ada, { email: 'ada@example.com', emailVerified: true })
    t.equal(await opens(ada, password), true)
    t.match(bob, { emailVerified: false, passwordHash: null })
  })

  await t.test('Keycloak', async (t) => {
    const [argon2, pbkdf2] = [hashOf('passlib argon2', /^\$argon2id/), hashOf('keycloak', /sha512/)]
    const [, , , , argonSalt, argonValue] = argon2.hash.split('$')
    const cost = Object.fromEntries(
      /m=\d+,t=\d+,p=\d+/
        .exec(argon2.hash)?.[0]
        .split(',')
        .map((each) => each.split('=')) ?? []
    )
    const additionalParameters = { memory: [cost.m], type: ['id'], version: ['1.3'], parallelism: [cost.p] }
    const [, algorithm, rounds, salt, value] = pbkdf2.hash.split('$')
    const credentialOf = (data: object, secret: object) => [
      { type: 'password', credentialData: JSON.stringify(data), secretData: JSON.stringify(secret) }
    ]
    const user = { enabled: true, emailVerified: true, createdTimestamp: 1_700_000_000_123 }
    const users = [
      {
        ...user,
        email: 'ada@example.com',
        firstName: 'Ada',
        lastName: 'King',
        realmRoles: ['editor', 'default-roles-myrealm'],
        credentials: credentialOf(
          { hashIterations: Number(cost.t), algorithm: 'argon2', additionalParameters },
          { value: `${argonValue}==`, salt: `${argonSalt}==` }
        )
      },
      {
        ...user,
        email: 'bob@example.com',
        enabled: false,
        credentials: credentialOf({ hashIterations: Number(rounds), algorithm }, { value, salt })
      },
      { ...user, email: 'eve@example.com' },
      { ...user, username: 'service-account-x' }
    ]
    const accounts = await convert('Keycloak', 'realm.json', { users })
    const [ada, bob, eve] = accounts as [ImportedAccount, ImportedAccount, ImportedAccount]
    t.equal(accounts.length, 3)
    t.match(ada, { email: 'ada@example.com', name: 'Ada King', emailVerified: true, roles: ['editor'] })
    t.equal(await opens(ada, argon2.password), true)
    t.match(bob, { name: null, disabled: true })
    t.equal(await opens(bob, pbkdf2.password), true)
    t.match(eve, { passwordHash: null })
  })
})

t.test(
  'each query of PostgreSQL writes lines that an import takes',
  { skip: postgres.missing },
  async (t) => {
    const { url, remove } = await postgres.create()
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    t.teardown(() => client.end().then(remove))
    const bcrypt = hashOf('bcrypt', /^\$2a/)
    const betterAuth = hashOf('better-auth')
    const insert = (into: string, values: unknown[]) =>
      client.query(`insert into ${into} values (${values.map((_, n) => `$${n + 1}`)})`, values)
    const linesOf = async (system: string) => {
      const { rows } = await client.query({ text: blockFrom(system, 'sql'), rowMode: 'array' })
      return accountsIn(rows.map(([object]) => JSON.stringify(object)).join('\n'))
    }

    await t.test('Devise', async (t) => {
      await client.query(
        'create table users (email text, confirmed_at timestamp, created_at timestamp, encrypted_password text)'
      )
      await insert('users', ['ada@example.com', '2024-01-01', '2024-01-01 10:00:00', bcrypt.hash])
      const [ada] = (await linesOf('Devise')) as [ImportedAccount]
      t.match(ada, { emailVerified: true, createdAt: Date.parse('2024-01-01T10:00:00Z') })
      t.equal(await opens(ada, bcrypt.password), true)
    })

    await t.test('Supabase', async (t) => {
      await client.query(
        `create schema auth; create table auth.users (email text, raw_user_meta_data jsonb, email_confirmed_at timestamptz,
       banned_until timestamptz, created_at timestamptz, encrypted_password text, deleted_at timestamptz)`
      )
      const at = '2024-01-01T10:00:00Z'
      await insert('auth.users', ['ada@example.com', { name: 'Ada' }, at, null, at, bcrypt.hash, null])
      await insert('auth.users', ['b@example.com', null, null, '2999-01-01', at, '', null])
      await insert('auth.users', [null, null, null, null, at, '', null])
      const [ada, b, ...more] = (await linesOf('Supabase')) as [ImportedAccount, ImportedAccount]
      t.match(ada, { name: 'Ada', emailVerified: true, disabled: false, createdAt: Date.parse(at) })
      t.equal(await opens(ada, bcrypt.password), true)
      t.match(b, { name: null, emailVerified: false, disabled: true, passwordHash: null })
      t.equal(more.length, 0)
    })

    await t.test('better-auth', async (t) => {
      await client.query(
        `create table "user" (id text, email text, name text, "emailVerified" boolean, "createdAt" timestamp);
       create table account ("userId" text, "providerId" text, password text)`
      )
      await insert('"user"', ['1', 'ada@example.com', 'Ada', true, '2024-01-01'])
      await insert('"user"', ['2', 'g@example.com', '', false, '2024-01-01'])
      const [, salt, hex] = betterAuth.hash.split('$')
      await insert('account', ['1', 'credential', `${salt}:${hex}`])
      await insert('account', ['2', 'google', null])
      const [ada, g] = (await linesOf('better-auth')) as [ImportedAccount, ImportedAccount]
      t.match(ada, { name: 'Ada', emailVerified: true })
      t.equal(await opens(ada, betterAuth.password), true)
      t.match(g, { name: null, passwordHash: null })
    })
  }
)
