import pg from 'pg'
import t from 'tap'
import { build, password } from '../harness/build.ts'
import { postgres, postgresByOwner, postgresUrl } from '../harness/engines.ts'

async function administer(...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: postgresUrl })
  await client.connect()
  for (const statement of statements) await client.query(statement)
  await client.end()
}

t.test('a PostgreSQL that refuses the service', { skip: postgres.missing }, async (t) => {
  const service = await build(t, { engine: postgresByOwner })
  const window = await service.signUp()
  const { username: role, pathname } = new URL(service.env.DATABASE_URL ?? '')
  const cut = `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${pathname.slice(1)}'`
  const signIn = () => window.post('/auth/login', { email: 'ada@example.com', password })

  const refusals = {
    'lets the role connect no more (28000)': {
      begin: [`alter role ${role} nologin`, cut],
      end: [`alter role ${role} login`]
    },
    'has no connection left for the role (53300)': {
      begin: [`alter role ${role} connection limit 0`, cut],
      end: [`alter role ${role} connection limit -1`]
    },
    'takes no connections to the database (55000)': {
      begin: [`alter database ${role} with allow_connections false`, cut],
      end: [`alter database ${role} with allow_connections true`]
    }
  }
  for (const [name, { begin, end }] of Object.entries(refusals)) {
    await t.test(`${name}: 503 with Retry-After, and it recovers`, async (t) => {
      await administer(...begin)
      const { status, body, headers } = await signIn()
      t.equal(status, 503)
      t.equal(body.code, 'unavailable')
      t.match(headers['retry-after'], /^\d+$/)
      await administer(...end)
      t.equal((await signIn()).status, 200)
    })
  }

  await t.test('revokes a privilege (42501): 503 with Retry-After, and it recovers', async (t) => {
    const inDatabase = new pg.Client({ connectionString: service.env.DATABASE_URL })
    await inDatabase.connect()
    await inDatabase.query(`revoke select on users from ${role}`)
    const { status, headers } = await signIn()
    t.equal(status, 503)
    t.match(headers['retry-after'], /^\d+$/)
    await inDatabase.query(`grant select on users to ${role}`)
    t.equal((await signIn()).status, 200)
    await inDatabase.end()
  })
})
