import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { chmod, readFile } from 'node:fs/promises'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { FastifyInstance } from 'fastify'
import pg from 'pg'
import t, { type Test } from 'tap'
import type { NamedFinding } from '../../commands/doctor/checkup.ts'
import { HOUR } from '../../domain/clock.ts'
import { auditEvent } from '../../domain/model/audit.ts'
import { openStore } from '../../store/index.ts'
import { build, type Teardown } from '../harness/build.ts'
import { type Certificate, certificates } from '../harness/certificate.ts'
import { postgres, postgresByOwner, postgresUrl } from '../harness/engines.ts'
import { newFolder } from '../harness/folder.ts'
import { run, startServer } from '../harness/program.ts'
import { valkey } from '../harness/valkey.ts'

const EX_CONFIG = 78
const OTHER_MASTER_KEY = 'q8Zk3nX0vJr5YtLw2bHd7sGf9mCp4aEuTiKo6RyB1jM'
const nobody = { actorId: null, ip: null, userAgent: null, requestId: null }

/** What the doctor says of an installation, but for what is well, and for the disk: that is whichever this machine has. */
async function diagnose(env: Record<string, string>) {
  const { code, stdout, stderr } = await run(['cli.ts', 'doctor', '--json'], { env })
  if (stderr !== '') throw new Error(stderr)
  const { findings } = JSON.parse(stdout) as { findings: NamedFinding[] }
  const wrong = findings.filter(({ severity, check }) => severity !== 'ok' && check !== 'disk')
  const byDiskAlone = wrong.every(({ severity }) => severity !== 'error')
  const names = findings.map(({ check }) => check)
  return { code: code === 1 && byDiskAlone && hasBadDisk(findings) ? 0 : code, wrong, names, stdout }
}

const hasBadDisk = (findings: NamedFinding[]) =>
  findings.some(({ severity, check }) => severity === 'error' && check === 'disk')

/** A server on loopback by TLS. Returns its origin. */
async function listenByTls(t: Teardown, certificate: Certificate, answer: RequestListener): Promise<string> {
  const server = createHttpsServer(certificate, answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `https://localhost:${(server.address() as AddressInfo).port}`
}

/** What a reverse proxy would do for GET. */
const passOn =
  (app: () => FastifyInstance): RequestListener =>
  async ({ url = '/' }, response) => {
    const { body } = await app().inject({ url })
    response.end(body)
  }

/** A database as the first start leaves it, and what it is started with. */
async function newInstallation(t: Teardown, env: Record<string, string> = {}) {
  const { app, env: settings } = await build(t, { env: { AUTH_DATA_DIR: await newFolder(t), ...env } })
  await app.close()
  return settings
}

t.test(
  'a fresh installation on SQLite is well, beside the service and without it, and stays as it is',
  async (t) => {
    const folder = await newFolder(t)
    const server = await startServer({ AUTH_DATA_DIR: folder, LOG_LEVEL: 'silent' })
    const env = { AUTH_DATA_DIR: folder, PORT: new URL(server.url).port }
    const beside = await diagnose(env)
    await server.stop('SIGTERM')
    t.strictSame(beside.wrong, [])
    t.equal(beside.code, 0)
    const all =
      'settings,node,data folder,disk,database,migrations,clock,keys,valkey,proxies,passwords,cookies,issuer'
    t.strictSame([...beside.names].sort(), all.split(',').sort())

    const before = await readFile(join(folder, 'gatehouse.db'))
    const { stdout } = await run(['cli.ts', 'doctor'], { env })
    t.match(stdout, /^ok {7}database {5}SQLite [\d.]+ answers/m)
    t.match(stdout, /\n\n(Nothing is wrong|\d errors?, \d warnings?)\.\n$/)
    t.ok(before.equals(await readFile(join(folder, 'gatehouse.db'))), 'nothing was written')
  }
)

const needed = postgres.missing || valkey.missing || certificates.missing

t.test('PostgreSQL, Valkey and TLS that are as they should be', { skip: needed }, async (t) => {
  const certificate = await certificates.make(t, 365)
  const { url: REDIS_URL } = await valkey.start(t, ['--requirepass', 'swordfish'])
  let app: FastifyInstance
  const issuer = await listenByTls(
    t,
    certificate,
    passOn(() => app)
  )
  const env = {
    AUTH_ISSUER: issuer,
    AUTH_TRUST_PROXY: '127.0.0.1',
    REDIS_URL: REDIS_URL.replace('//', '//:swordfish@'),
    AUTH_RATE_LIMIT_PER_IP: '600',
    AUTH_LOGIN_LIMIT_PER_IP: '30',
    AUTH_LOGIN_LIMIT_PER_ACCOUNT: '5'
  }
  const service = await build(t, { engine: postgresByOwner, env })
  app = service.app
  const well = { ...service.env, NODE_EXTRA_CA_CERTS: certificate.path }
  const { code, wrong } = await diagnose(well)
  t.strictSame(wrong, [])
  t.equal(code, 0)

  t.test('a role that may do anything in the whole server is told', async (t) => {
    const DATABASE_URL = new URL(service.env.DATABASE_URL as string)
    const { username, password } = new URL(postgresUrl)
    Object.assign(DATABASE_URL, { username, password })
    const { code, wrong } = await diagnose({ ...well, DATABASE_URL: DATABASE_URL.href })
    t.equal(code, 0)
    expectFaults(t, wrong, [['warning', 'database', /is a superuser of PostgreSQL$/, /owns its database/]])
  })

  t.test('the limits of a database that loses what it acknowledged, or only reads, are told', async (t) => {
    const client = new pg.Client({ connectionString: service.env.DATABASE_URL })
    await client.connect()
    t.teardown(() => client.end())
    const name = new URL(service.env.DATABASE_URL as string).pathname.slice(1)
    await client.query(`alter database ${name} set synchronous_commit = off`)
    await client.query(`alter database ${name} set default_transaction_read_only = on`)
    await client.query(
      "insert into gatehouse_migration (name, timestamp) values ('0999-tomorrow', '2099-01-01')"
    )
    const { code, wrong } = await diagnose(well)
    t.equal(code, 1)
    expectFaults(t, wrong, [
      ['error', 'database', /^Nothing can be written: the server only reads$/, /primary/],
      ['error', 'database', /runs with synchronous_commit = off/, /Remove that setting/],
      ['error', 'migrations', /newer version of Gatehouse \(0999-tomorrow\)/, /restore a backup/]
    ])
  })
})

t.test(
  'each of many planted faults is found, with what to do',
  { skip: valkey.missing || certificates.missing },
  async (t) => {
    const certificate = await certificates.make(t, 365)
    const redis = await valkey.start(t, ['--requirepass', 'swordfish'])
    const issuer = await listenByTls(t, certificate, (_request, response) => {
      response.end('{"issuer":"https://other.example.com","keys":[]}')
    })
    const settings = await newInstallation(t)
    const folder = settings.AUTH_DATA_DIR as string
    const database = (settings.DATABASE_URL as string).slice('file:'.length)
    const { store } = await openStore(settings.DATABASE_URL as string, () => {})
    await store.audit.append(auditEvent('login.failed', nobody, Date.now() + HOUR))
    await store.close()
    await chmod(folder, 0o777)
    await chmod(database, 0o644)
    await chmod(join(folder, 'master.key'), 0o644)

    const { code, wrong, stdout } = await diagnose({
      ...settings,
      AUTH_FOO: '1',
      AUTH_DOCS: 'maybe',
      AUTH_LOGIN_LIMIT_PER_IP: '30',
      AUTH_LOGIN_LIMIT_PER_ACCOUNT: '5',
      AUTH_ISSUER: issuer,
      AUTH_ALLOWED_ORIGINS: 'https://app.example.com',
      AUTH_TRUST_PROXY: '0.0.0.0/0,10.0.0.0/8',
      REDIS_URL: redis.url.replace('//', '//:hunter2@')
    })
    t.equal(code, EX_CONFIG, 'for a setting is wrong')
    expectFaults(t, wrong, [
      ['error', 'settings', /^AUTH_FOO is not a setting/, /remove it/],
      ['error', 'settings', /^AUTH_DOCS must be one of on, off$/, /Correct AUTH_DOCS/],
      ['error', 'data folder', /can be changed by others/, /^Run chmod 700 /],
      ['error', 'data folder', /can be read by others: it has all password hashes/, /^Run chmod 600 /],
      ['error', 'clock', /^The newest audit event is 3[56]\d\d s in the future/, /time service/],
      ['error', 'keys', /master\.key can be read by others/, /chmod 600/],
      ['error', 'valkey', /refuses the password: WRONGPASS/, /REDIS_URL/],
      ['error', 'proxies', /^AUTH_TRUST_PROXY 0\.0\.0\.0\/0 trusts strangers/, /narrow range/],
      ['error', 'cookies', /^AUTH_ALLOWED_ORIGINS https:\/\/app\.example\.com is another site/, /one domain/],
      [
        'error',
        'issuer',
        /^The certificate of \S+ is not believed \(DEPTH_ZERO_SELF_SIGNED_CERT\)$/,
        /Renew it/
      ],
      [
        'error',
        'issuer',
        /is not this Gatehouse: it calls itself https:\/\/other\.example\.com$/,
        /reverse proxy/
      ],
      ['warning', 'settings', /^AUTH_RATE_LIMIT_PER_IP is off$/, /^Remove the setting/]
    ])
    t.notMatch(stdout, 'hunter2')
  }
)

t.test(
  'a master key of another database, TLS without a trusted proxy, and nobody at the issuer’s',
  async (t) => {
    const settings = await newInstallation(t)
    const { code, wrong, stdout } = await diagnose({
      AUTH_DATA_DIR: settings.AUTH_DATA_DIR as string,
      DATABASE_URL: settings.DATABASE_URL as string,
      AUTH_MASTER_KEY: OTHER_MASTER_KEY,
      AUTH_ISSUER: 'https://auth.invalid'
    })
    t.equal(code, 1)
    expectFaults(t, wrong, [
      ['error', 'keys', /^The master key does not open the signing keys$/, /AUTH_MASTER_KEY_PREVIOUS/],
      ['warning', 'proxies', /^AUTH_TRUST_PROXY is not set/, /address of the reverse proxy/],
      ['warning', 'issuer', /^getaddrinfo \S+ auth\.invalid$/, /^Start Gatehouse/]
    ])
    t.notMatch(stdout, OTHER_MASTER_KEY)
  }
)

t.test('a DATABASE_URL that names nothing hides no other fault, and its password is not told', async (t) => {
  for (const DATABASE_URL of ['postgres://gatehouse:hunter2@[bad/x', 'file://hunter2/gatehouse.db']) {
    const { code, wrong, names, stdout } = await diagnose({ DATABASE_URL, AUTH_DATA_DIR: await newFolder(t) })
    t.equal(code, EX_CONFIG)
    expectFaults(t, wrong, [['error', 'settings', /^DATABASE_URL /, /^Correct DATABASE_URL/]])
    t.ok(names.includes('proxies'))
    t.notMatch(stdout, 'hunter2')
  }
})

t.test('what never answers is told after its time, and hides nothing else', async (t) => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => silent.close())
  const { port } = silent.address() as AddressInfo
  const started = performance.now()
  const { code, wrong, names } = await diagnose({
    AUTH_DATA_DIR: await newFolder(t),
    DATABASE_URL: `postgres://gatehouse:hunter2@127.0.0.1:${port}/gatehouse`,
    REDIS_URL: `redis://127.0.0.1:${port}`,
    AUTH_ISSUER: `http://localhost:${port}`
  })
  t.ok(performance.now() - started < 8000)
  t.equal(code, 1)
  t.same(wrong.map(({ check }) => check).sort(), ['database', 'issuer', 'valkey'])
  for (const { check, severity, advice } of wrong) {
    t.type(advice, 'string')
    t.equal(severity, check === 'issuer' ? 'warning' : 'error', check)
  }
  for (const name of ['settings', 'node', 'disk', 'keys', 'proxies', 'cookies'])
    t.ok(names.includes(name), name)
})

t.test('whoever answers at the issuer’s address writes nothing into what is printed', async (t) => {
  const answers = [
    'null',
    '{"issuer":"\\u001b[2J\\nok       settings  forged","keys":[]}',
    '{"issuer":7,"keys":[null,{"kid":{}}]}',
    '{"keys":{}}',
    `{"issuer":"${'x'.repeat(300_000)}","keys":[]}`
  ]
  let answer = ''
  const server = createHttpServer((_request, response) => response.end(answer)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const env = { AUTH_DATA_DIR: await newFolder(t), AUTH_ISSUER: `http://localhost:${port}` }
  for (answer of answers) {
    const { wrong, stdout } = await diagnose(env)
    const found = wrong.filter(({ check }) => check === 'issuer').map(({ message }) => message)
    t.strictSame(found, [`What answers at ${env.AUTH_ISSUER} is not this Gatehouse`], answer.slice(0, 40))
    t.ok(stdout.length < 10_000)
  }
})

t.test('a database that is no file is told, and waited for by nobody', async (t) => {
  const folder = await newFolder(t)
  await promisify(execFile)('mkfifo', [join(folder, 'gatehouse.db')])
  const { wrong } = await diagnose({ AUTH_DATA_DIR: folder, AUTH_ISSUER: 'http://localhost:1' })
  expectFaults(
    t,
    wrong.filter(({ check }) => check === 'database'),
    [['error', 'database', /gatehouse\.db is not a file$/, /./]]
  )
})

t.test('what nobody listens at is told by the system’s word for it, and what to do', async (t) => {
  const { wrong } = await diagnose({
    AUTH_DATA_DIR: await newFolder(t),
    DATABASE_URL: 'postgres://gatehouse:hunter2@127.0.0.1:1/gatehouse',
    REDIS_URL: 'redis://127.0.0.1:1'
  })
  expectFaults(t, wrong, [
    ['error', 'database', /^connect ECONNREFUSED 127\.0\.0\.1:1$/, /^Start the database/],
    ['error', 'valkey', /^connect ECONNREFUSED 127\.0\.0\.1:1$/, /^Start it/]
  ])
})

/** Exactly these, in any order. */
function expectFaults(
  t: Test,
  wrong: NamedFinding[],
  expected: Array<[severity: string, check: string, message: RegExp, advice: RegExp]>
): void {
  for (const [severity, check, message, advice] of expected) {
    const found = wrong.find((each) => each.check === check && message.test(each.message))
    t.match(found, { severity, check, message, advice }, `${check}: ${message}`)
  }
  t.equal(wrong.length, expected.length, JSON.stringify(wrong.map((each) => each.message)))
}
