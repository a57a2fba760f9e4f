import pg from 'pg'
import t from 'tap'
import type { Problem } from '../../domain/errors.ts'
import { openStore } from '../../store/index.ts'
import { build, password } from '../harness/build.ts'
import { certificates } from '../harness/certificate.ts'
import { perform } from '../harness/command.ts'
import { newFolder } from '../harness/folder.ts'
import { postgresServer } from '../harness/postgres-server.ts'
import { gatehouse } from '../harness/program.ts'
import { until } from '../harness/token-watch.ts'

t.test('PostgreSQL over TLS', { skip: postgresServer.missing || certificates.missing }, async (t) => {
  const [certificate, other] = [await certificates.make(t, 30), await certificates.make(t, 30)]
  const server = await postgresServer.start(t, { certificate })
  const byName = server.url.replace('127.0.0.1', 'localhost')
  const fault = (url: string) =>
    openStore(url, () => {}).then(
      ({ store }) => store.close(),
      (error: Problem) => (error.cause as NodeJS.ErrnoException).code
    )

  t.test('verify-full checks the server by the file of sslrootcert', async (t) => {
    t.equal(await fault(`${byName}?sslmode=verify-full&sslrootcert=${certificate.path}`), undefined)
  })

  t.test('verify-full refuses a server that another authority vouches for', async (t) => {
    const code = await fault(`${byName}?sslmode=verify-full&sslrootcert=${other.path}`)
    t.equal(code, 'DEPTH_ZERO_SELF_SIGNED_CERT')
  })

  t.test('verify-full refuses a server of another name, and verify-ca takes it', async (t) => {
    const url = (mode: string) => `${server.url}?sslmode=${mode}&sslrootcert=${certificate.path}`
    t.equal(await fault(url('verify-full')), 'ERR_TLS_CERT_ALTNAME_INVALID')
    t.equal(await fault(url('verify-ca')), undefined)
  })

  t.test('require encrypts without a check and without a warning of a library, as psql does', async (t) => {
    const env = { DATABASE_URL: `${byName}?sslmode=require`, AUTH_DATA_DIR: await newFolder(t) }
    const { code, stderr } = await gatehouse(['migrate'], env)
    t.strictSame({ code, stderr }, { code: 0, stderr: '' })
  })

  t.test('without TLS this server lets nobody in', async (t) => {
    t.equal(await fault(`${byName}?sslmode=disable`), '28000')
  })
})

t.test('a list of servers', { skip: postgresServer.missing }, async (t) => {
  const primary = await postgresServer.start(t)
  const standby = await primary.startStandby()
  const [first, second] = [standby.host, primary.host]
  const DATABASE_URL = `postgres://postgres@${first},${second}/postgres?target_session_attrs=read-write`
  const service = await build(t, { env: { DATABASE_URL } })
  const ada = await service.signUp()

  await t.test('the one that takes writes is used, wherever it stands in the list', async (t) => {
    const client = new pg.Client({ connectionString: primary.url })
    await client.connect()
    t.teardown(() => client.end())
    const { rows } = await client.query("select from pg_stat_activity where application_name = 'gatehouse'")
    t.ok(rows.length > 0)
    t.equal((await ada.post('/auth/refresh')).status, 200)
  })

  await t.test('doctor finds nothing to say of the list', async (t) => {
    const { json } = await perform(service.env, 'doctor')
    const findings = (json as { findings: Array<{ check: string; message: string }> }).findings
    t.match(
      findings
        .filter(({ check }) => check === 'database')
        .map(({ message }) => message)
        .join(),
      /superuser/
    )
    t.notMatch(findings.map(({ message }) => message).join(), /DATABASE_URL is not a URL/)
  })

  await t.test('a standby alone does for no start', async (t) => {
    const alone = `${standby.url}?target_session_attrs=read-write`
    await t.rejects(
      openStore(alone, () => {}),
      { cause: { message: /only reads/ } }
    )
  })

  await t.test(
    'when the primary is gone and the standby promoted, the service goes on by itself',
    async (t) => {
      const copied = async () => {
        const client = new pg.Client({ connectionString: standby.url })
        await client.connect()
        const { rowCount } = await client.query("select from users where email = 'ada@example.com'")
        await client.end()
        return rowCount === 1
      }
      await until(copied, 'the standby has the account')
      await primary.stop()
      t.equal((await ada.clone().post('/auth/refresh')).status, 503)
      await standby.promote()
      const signIn = () => service.browser().post('/auth/login', { email: 'ada@example.com', password })
      await until(async () => (await signIn()).status === 200, 'sign-ins succeed again')
    }
  )
})

t.test(
  'a server that turned read-only is left for the one that took over',
  { skip: postgresServer.missing },
  async (t) => {
    const primary = await postgresServer.start(t)
    const standby = await primary.startStandby()
    const DATABASE_URL = `postgres://postgres@${primary.host},${standby.host}/postgres`
    const service = await build(t, { env: { DATABASE_URL } })
    await service.signUp()
    const client = new pg.Client({ connectionString: primary.url })
    await client.connect()
    await client.query('alter system set default_transaction_read_only = on')
    await client.query('select pg_reload_conf()')
    await client.end()
    await standby.promote()
    const register = (n: number) =>
      service.browser().post('/auth/register', { email: `n${n}@example.com`, password })
    let tries = 0
    await until(async () => (await register(++tries)).status === 201, 'registrations succeed again')
  }
)
