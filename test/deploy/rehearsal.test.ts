import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { password } from '../harness/build.ts'
import { type Project, readCompose, type Service } from '../harness/rehearsal/compose.ts'
import type { Container } from '../harness/rehearsal/container.ts'
import { build, createEngine, type Engine } from '../harness/rehearsal/engine.ts'
import { startLoad } from '../harness/rehearsal/load.ts'
import { whyNoContainers } from '../harness/rehearsal/shell.ts'
import { Site, type SiteVisitor } from '../harness/rehearsal/site.ts'
import { standIns } from '../harness/rehearsal/stand-ins.ts'
import { down, up } from '../harness/rehearsal/up.ts'

const PROJECT = fileURLToPath(new URL('../../', import.meta.url))
const INSTANCES = 3
const SECRET_VOLUMES = ['database-secret', 'valkey-secret', 'gatehouse-secret', 'gatehouse-data']

/** What somebody has in their .env who runs three instances, reads their metrics, and puts a load on them from one address. */
const SHELL = {
  GATEHOUSE_REPLICAS: String(INSTANCES),
  AUTH_RATE_LIMIT_PER_IP: '1000000',
  AUTH_LOGIN_LIMIT_PER_IP: '1000000',
  AUTH_METRICS: '9464'
}

const programs = Object.values(standIns).flatMap(({ needs }) => needs)
const missing = whyNoContainers(programs)

/**
 * The Dockerfile and docker-compose.yml of this very project, done as they say by Linux namespaces and the programs of this
 * machine: from empty folders to people who are signed in. A comment a step.
 */
t.test('docker compose up, rehearsed', { skip: missing }, async (t) => {
  const began = performance.now()
  const say = (line: string) => t.comment(`${((performance.now() - began) / 1000).toFixed(1)} s  ${line}`)
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-rehearsal-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)

  say('an empty folder; docker build .')
  const image = await build(PROJECT, folder)
  say(`built by the Dockerfile: ${countFiles(join(image.root, 'app'))} files in /app, user ${image.user}`)

  const project = readCompose(PROJECT, SHELL)
  const serviceNamed = (name: string) => project.services.find((each) => each.name === name) as Service
  let engine = await createEngine(project, image, folder)
  t.teardown(() => engine.close())
  let site: Site
  const containersOf = (name: string) => containersIn(engine, name)
  const openSite = () => {
    const address = containersOf('caddy')[0]?.place?.addresses.get('public') as string
    const authority = join(engine.volume('caddy-data'), 'caddy/pki/authorities/local/root.crt')
    return new Site(address, readFileSync(authority, 'utf8'))
  }

  await t.test('nothing to edit: up ends with three instances, and everything healthy', async () => {
    say('GATEHOUSE_REPLICAS=3 docker compose up')
    await up(engine, project, { say })
    site = openSite()
  })

  await t.test(
    'each container has the user, the root and the capabilities that the file gives it',
    async (t) => {
      for (const container of engine.containers.keys()) {
        if (container.hasEnded()) continue
        const { name } = container
        const { output } = await container.exec(['cat', '/proc/1/status'], 5000)
        const [uid, caps] = [/^Uid:\s+(\d+)/m, /^CapEff:\s+(\w+)/m].map(
          (pattern) => pattern.exec(output)?.[1]
        )
        const expected = {
          gatehouse: ['1000', 0],
          postgres: ['999', 0],
          valkey: ['999', 0],
          caddy: ['1001', 0]
        }
        t.strictSame(
          [uid, Number.parseInt(caps ?? '', 16)],
          expected[serviceOf(engine, container) as keyof typeof expected],
          name
        )
        t.match(output, /^NoNewPrivs:\s+1$/m, `${name}: no new privileges`)
        const { output: limits } = await container.exec(['cat', '/proc/1/limits'], 5000)
        t.match(limits, /^Max core file size\s+0\s+0\b/m, `${name}: no core dump`)
        t.ok(Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1]) <= 65536, `${name}: open files`)
        const { code } = await container.exec(['touch', '/etc/written'], 5000)
        t.not(code, 0, `${name}: a root that is not written to`)
      }
      say('users, capabilities and read-only roots are as the file says')
    }
  )

  await t.test(
    'nothing but Caddy’s two ports is there for others, and Caddy reaches neither database nor Valkey',
    async (t) => {
      const [caddy] = containersOf('caddy') as [Container]
      t.strictSame(await portsOf(caddy), [80, 443])
      for (const [name, port] of [
        ['postgres', 5432],
        ['valkey', 6379]
      ] as const) {
        const address = containersOf(name)[0]?.place?.addresses.get('backend')
        t.not((await dial(caddy, name, port)).code, 0, `${name} has no name there`)
        t.not((await dial(caddy, String(address), port)).code, 0, `${name} has no way there`)
        t.equal(
          (await dial(containersOf('gatehouse')[0] as Container, name, port)).code,
          0,
          `Gatehouse reaches ${name}`
        )
      }
      say('Caddy listens on 80 and 443 alone; it has no way to PostgreSQL or Valkey')
    }
  )

  await t.test('pages by plain http are sent on to https, everything else is refused there', async (t) => {
    for (const page of ['/', '/docs', '/auth/setup', '/auth/password/reset']) {
      const { status, headers } = await site.plain('GET', page)
      t.match({ status, location: headers.location }, { status: 308, location: `https://localhost${page}` })
    }
    const others = [
      ['GET', '/auth/me'],
      ['GET', '/docs/json'],
      ['POST', '/auth/login'],
      ['POST', '/auth/setup'],
      ['POST', '/oauth/token'],
      ['GET', '/.well-known/jwks.json'],
      ['GET', '/livez']
    ] as const
    for (const [method, path] of others) {
      const { status, headers, body } = await site.plain(method, path)
      t.match({ status, body }, { status: 403, body: { status: 403, code: 'https_required' } }, path)
      t.equal(headers.location, undefined)
      t.equal(headers['content-type'], 'application/problem+json')
    }
    t.equal((await site.visitor().ask('GET', '/livez')).status, 200)
    await t.rejects(new Site(addressOf(engine, 'caddy'), 'nobody').visitor().ask('GET', '/livez'))
    say(
      'http://localhost: pages go to https, the API is 403; https is verified by the root certificate of Caddy'
    )
  })

  await t.test('Gatehouse’s role owns its database, and is nothing else in PostgreSQL', async (t) => {
    const [postgres] = containersOf('postgres') as [Container]
    const ask = async (user: string, database: string, statement: string) => {
      const words = ['psql', '-h', '/run/postgresql', '-U', user, '-d', database, '-Atc', statement]
      return postgres.exec(words, 10_000)
    }
    const rights = 'select rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls from pg_roles'
    t.match(await ask('gatehouse', 'gatehouse', `${rights} where rolname = current_user`), {
      code: 0,
      output: 'f|f|f|f|f'
    })
    t.match(
      await ask(
        'postgres',
        'postgres',
        "select datname from pg_database where datdba = 'gatehouse'::regrole"
      ),
      { output: 'gatehouse' }
    )
    for (const statement of [
      'create role eve superuser',
      'create database eve',
      "copy (select 1) to '/tmp/x'",
      "select pg_read_file('/etc/passwd')"
    ])
      t.match(
        await ask('gatehouse', 'gatehouse', statement),
        { code: 1, output: /permission denied|must be superuser/ },
        statement
      )
    for (const database of ['postgres', 'template1'])
      t.match(await ask('gatehouse', database, 'select 1'), {
        code: 2,
        output: /permission denied for database/
      })
    t.match(await ask('postgres', 'gatehouse', 'select count(*) from users'), { code: 0 })
    say('the role gatehouse: no superuser, no database but its own')
  })

  await t.test('only Caddy has a way out', async (t) => {
    for (const [container, service] of engine.containers) {
      if (container.hasEnded()) continue
      const { output } = await container.exec(['ip', 'route', 'show', 'default'], 5000)
      t.equal(output !== '', service.name === 'caddy', `${container.name}: ${output}`)
    }
    say('no container but Caddy’s has a route to anywhere else')
  })

  const ada = { email: 'ada@example.com', password }
  let person: SiteVisitor

  await t.test('a link in the log makes the first administrator, once', async (t) => {
    const tokens = containersOf('gatehouse').flatMap(setUpTokens)
    t.not(tokens.length, 0, 'a link is in the log')
    const statuses = []
    for (const token of [...tokens, ...tokens]) {
      const body = { token, email: 'root@example.com', password }
      statuses.push((await site.visitor().ask('POST', '/auth/setup', { body })).status)
    }
    t.equal(statuses.filter((status) => status === 201).length, 1, `${statuses}`)
    say(
      `the set-up link from the log made the first administrator (${tokens.length} links, ${statuses.join(' ')})`
    )
  })

  await t.test('somebody registers, signs in, and is known to all three instances', async (t) => {
    await site.visitor().must('POST', '/auth/register', ada)
    person = site.visitor()
    await person.must('POST', '/auth/login', ada)
    const names = ['__Host-access', '__Host-device', '__Host-session', '__Secure-refresh']
    t.strictSame([...person.cookies.keys()].sort(), names)
    const counts = () => containersOf('gatehouse').map((instance) => answersTo('/auth/me')(instance).length)
    for (let call = 0; call < 100 && counts().includes(0); call += 1)
      t.match(await person.must('GET', '/auth/me'), { user: { email: ada.email } })
    t.notOk(counts().includes(0), `${counts()}`)
    say(
      `${ada.email} registered, signed in and called /auth/me over TLS: ${counts().join(' + ')} calls on ${INSTANCES} instances`
    )
  })

  await t.test(
    'the address in the log is the visitor’s, whatever they claim, and every request has an id',
    async (t) => {
      const headers = {
        'X-Forwarded-For': '192.0.2.7',
        'X-Forwarded-Host': 'evil.example',
        'X-Request-Id': 'mine'
      }
      const { headers: answered } = await site.visitor().ask('GET', '/auth/csrf', { headers })
      const entry = await soon(() => containersOf('gatehouse').flatMap(answersTo('/auth/csrf'))[0])
      t.match(entry.ip, /^10\.\d+\.\d+\.1$/)
      t.match(entry.requestId, /^[0-9a-f-]{36}$/)
      t.equal(answered['x-request-id'], entry.requestId)
      say(`a claimed X-Forwarded-For: 192.0.2.7 is logged as ${entry.ip}, request ${entry.requestId}`)
    }
  )

  await t.test('answers are compressed for those who can read it', async (t) => {
    const encodings = []
    for (const encoding of ['zstd', 'gzip']) {
      const { headers } = await site
        .visitor()
        .ask('GET', '/docs/json', { headers: { 'Accept-Encoding': encoding } })
      encodings.push(headers['content-encoding'])
    }
    t.strictSame(encodings, ['zstd', 'gzip'])
    say('replies come compressed: zstd, gzip')
  })

  await t.test('a sign-out on one instance is refused by all within a second', async (t) => {
    const copy = site.visitor()
    for (const [name, value] of person.cookies) copy.cookies.set(name, value)
    const refusals = () =>
      containersOf('gatehouse').map(
        (instance) => answersTo('/auth/me')(instance).filter(({ status }) => status === 401).length
      )
    t.strictSame(refusals(), [0, 0, 0])
    await person.must('POST', '/auth/logout')
    const start = performance.now()
    let took = 0
    for (let call = 0; call < 100 && refusals().includes(0); call += 1)
      if ((await copy.ask('GET', '/auth/me')).status === 200) took = Math.round(performance.now() - start)
    t.notOk(refusals().includes(0), `${refusals()}`)
    t.ok(took < 1000, `${took} ms`)
    say(`signed out on one: refused by all ${INSTANCES}, the last call that passed came ${took} ms after`)
  })

  await t.test(
    'Prometheus on the network of Caddy finds the metrics of each instance, and nobody outside does',
    async (t) => {
      const [caddy] = containersOf('caddy') as [Container]
      const { output: found } = await caddy.exec(['getent', 'ahostsv4', 'gatehouse'], 5000)
      const addresses = new Set(found.split('\n').map((line) => line.split(' ')[0] as string))
      t.equal(addresses.size, INSTANCES, found)
      for (const address of addresses) {
        const words = ['wget', '-q', '-O', '-', `http://${address}:9464/metrics`]
        t.match((await caddy.exec(words, 5000)).output, /^gatehouse_build_info/m)
      }
      for (const path of ['/metrics', '/METRICS', '/%6detrics', '//metrics']) {
        const { status, content } = await site.visitor().ask('GET', path)
        t.match({ path, status, content: content.toString() }, { status: 404, content: '' })
      }
      say(`${INSTANCES} addresses of gatehouse, metrics at each; https://localhost/metrics is Caddy’s 404`)
    }
  )

  await t.test('the operator’s commands work inside a container', async (t) => {
    const [instance] = containersOf('gatehouse') as [Container]
    const { code, output } = await instance.exec(['node', 'cli.ts', 'keys', 'list'], 20_000)
    t.equal(code, 0, output)
    t.match(output, /active/)
    say('docker compose exec gatehouse ./gatehouse keys list: the active key')
  })

  await t.test('a rolling restart of all instances under load fails no request', async (t) => {
    const people: SiteVisitor[] = []
    while (people.length < 5) people.push(await signIn(site, ada))
    const load = startLoad(people, site, ada)
    const gatehouse = serviceNamed('gatehouse')
    const old = containersOf('gatehouse')
    for (const container of old) {
      t.equal(await engine.stop(container, gatehouse), 0, `${container.name} ended by itself`)
      const next = await engine.start(gatehouse)
      await engine.healthy(next, gatehouse)
      say(`${container.name} stopped, ${next.name} is healthy at ${next.place?.addresses.get('edge')}`)
    }
    const { done, failures, slowest } = await load.stop()
    t.strictSame(failures.slice(0, 10), [], `${failures.length} failures`)
    for (const line of failures.length > 0 ? errorsOf(containersOf('caddy')) : []) t.comment(line)
    const total = Object.values(done).reduce((sum, count) => sum + count, 0)
    t.ok(total > 200, `${total} requests`)
    t.ok(
      containersOf('gatehouse').every((instance) => answersTo('/auth/me')(instance).length > 0),
      'the new ones serve'
    )
    say(
      `rolling restart of ${old.length} under load: ${total} requests (${JSON.stringify(done)}), ${failures.length} failed, slowest ${slowest} ms`
    )
    person = people[1] as SiteVisitor
  })

  await t.test('an unsafe master key in .env is refused in one readable line', async (t) => {
    const faults: Array<[key: string, reason: RegExp]> = [
      ['', /AUTH_MASTER_KEY is empty/],
      ['c2hvcnQ', /AUTH_MASTER_KEY must hold 32 bytes or more/],
      ['changeme_changeme_changeme_changeme_changeme_changeme', /AUTH_MASTER_KEY is not random/]
    ]
    await Promise.all(
      faults.map(async ([key, reason]) => {
        const { services } = readCompose(PROJECT, { AUTH_MASTER_KEY: key })
        const container = await engine.start(services.find(({ name }) => name === 'gatehouse') as Service)
        t.equal(await container.ended, 78)
        t.match(
          container.lines.filter((line) => line.includes('AUTH_')),
          [reason]
        )
        say(`AUTH_MASTER_KEY='${key.slice(0, 10)}': exit 78, ${container.lines.at(-1)?.trim()}`)
      })
    )
  })

  await t.test(
    'a second up on the same volumes changes no secret, and people are still signed in',
    async (t) => {
      const before = secretsOf(engine)
      site.close()
      const codes = await down(engine)
      say(`docker compose down: ${JSON.stringify(codes)}`)
      await engine.close()
      engine = await createEngine(project, image, folder)
      await up(engine, project, { scale: { gatehouse: 1 }, say })
      t.strictSame(secretsOf(engine), before)
      t.ok(Object.keys(before).length >= 6)
      const again = openSite()
      t.teardown(() => again.close())
      const visitor = again.visitor()
      for (const [name, value] of person.cookies) visitor.cookies.set(name, value)
      t.match(await visitor.must('POST', '/auth/refresh'), { user: { email: ada.email } })
      say(`up again: the same ${Object.keys(before).length} secrets, and ${ada.email} is still signed in`)
    }
  )

  await t.test('a dump is restored with its master key: who was in it signs in again', async (t) => {
    const [gatehouse, caddy] = [serviceNamed('gatehouse'), serviceNamed('caddy')]
    const [postgres] = containersOf('postgres') as [Container]
    const inPostgres = async (line: string) => {
      const { code, output } = await postgres.exec(['sh', '-c', line], 20_000)
      t.equal(code, 0, `${line} ${output}`)
    }
    const runOnce = async (...command: string[]) => {
      const container = await engine.start({ ...gatehouse, command })
      const code = await container.ended
      engine.containers.delete(container)
      return { code, output: container.lines.join('\n') }
    }
    const key = readFileSync(join(engine.volume('gatehouse-data'), 'master.key'), 'utf8')
    await inPostgres('pg_dump -U gatehouse --format=custom gatehouse > /tmp/gatehouse.dump')
    const before = openSite()
    const late = { email: 'late@example.com', password }
    await before.visitor().must('POST', '/auth/register', late)
    before.close()
    for (const service of [caddy, gatehouse])
      for (const container of containersOf(service.name)) await engine.stop(container, service)
    rmSync(join(engine.volume('gatehouse-data'), 'master.key'))
    say('dumped, somebody registers; docker compose stop caddy gatehouse; master.key is lost')

    await inPostgres('dropdb -U postgres gatehouse && createdb -U postgres --owner=gatehouse gatehouse')
    await inPostgres(
      'pg_restore -U gatehouse --no-owner --exit-on-error --dbname=gatehouse < /tmp/gatehouse.dump'
    )
    const finish = ['node', 'cli.ts', 'restore', '--after-pg-restore']
    t.match(await runOnce(...finish), { code: 78, output: /master\.key/ })
    const put = await runOnce('sh', '-c', 'umask 077; printf %s "$0" > /data/master.key', key.trim())
    t.equal(put.code, 0, put.output)
    const done = await runOnce(...finish)
    t.match(done, { code: 0, output: /sessions ended: everybody signs in again/ }, done.output)
    for (const service of [gatehouse, caddy]) await engine.healthy(await engine.start(service), service)
    const site = openSite()
    t.teardown(() => site.close())
    const old = site.visitor()
    for (const [name, value] of person.cookies) old.cookies.set(name, value)
    t.equal((await old.ask('POST', '/auth/refresh')).status, 401)
    t.equal((await site.visitor().ask('POST', '/auth/login', { body: late })).status, 401)
    await signIn(site, ada)
    say(`pg_restore, ${done.output}; ${ada.email} signed in again`)
  })

  await t.test(
    'a start with an unsafe secret, or with a health check that cannot pass, ends with the reason',
    async (t) => {
      await engine.close()
      const valkey = doctored(join(folder, 'doctored'), 'start_period: 10s', 'start_period: 0s')
      const sick: Project = {
        ...valkey,
        services: valkey.services.map((service) =>
          service.name === 'valkey' && typeof service.healthCheck === 'object'
            ? {
                ...service,
                healthCheck: {
                  ...service.healthCheck,
                  test: ['CMD', 'valkey-cli', '-p', '6380', 'ping'],
                  interval: 200
                }
              }
            : service
        )
      }
      const other = join(folder, 'other')
      mkdirSync(join(other, 'volumes/database-secret'), { recursive: true })
      writeFileSync(join(other, 'volumes/database-secret/password'), 'postgres\n')
      engine = await createEngine(sick, image, other)
      await t.rejects(up(engine, sick), {
        message: /^secrets-1 ended with 78: .*password is a well-known password/
      })
      t.equal(engine.containers.size, 1, 'nothing else was started')
      await rm(join(other, 'volumes'), { recursive: true })
      await t.rejects(up(engine, sick), {
        message: /^valkey-\d+ is unhealthy: valkey-cli -p 6380 ping ended with 1/
      })
      say(
        'a known database password: exit 78; a health check that cannot pass: unhealthy; both end the start'
      )
    }
  )
})

function containersIn({ containers }: Engine, name: string): Container[] {
  return [...containers].filter(([, service]) => service.name === name).map(([container]) => container)
}

function serviceOf({ containers }: Engine, container: Container): string | undefined {
  return containers.get(container)?.name
}

function addressOf(engine: Engine, name: string): string {
  return containersIn(engine, name)[0]?.place?.addresses.get('public') as string
}

function setUpTokens({ lines }: Container): string[] {
  return lines.flatMap((line) => /auth\/setup#token=([\w-]+)/.exec(line)?.[1] ?? [])
}

interface LogLine {
  msg: string
  route?: string
  status: number
  ip: string
  requestId: string
}

/** The lines of an instance's log about answers to a path. */
function answersTo(path: string) {
  return ({ lines }: Container): LogLine[] =>
    lines
      .map((line) => JSON.parse(line) as LogLine)
      .filter(({ msg, route }) => msg === 'answered' && route === path)
}

/** What is there within a second: a log line comes after the answer that it tells of. */
async function soon<T>(find: () => T | undefined): Promise<T> {
  for (const start = performance.now(); performance.now() - start < 1000; await pause(10)) {
    const found = find()
    if (found !== undefined) return found
  }
  throw new Error('it did not come within a second')
}

async function signIn(site: Site, credentials: object): Promise<SiteVisitor> {
  const visitor = site.visitor()
  await visitor.must('POST', '/auth/login', credentials)
  return visitor
}

function dial(from: Container, host: string, port: number) {
  return from.exec(['bash', '-c', `exec 3<>/dev/tcp/${host}/${port}`], 2000)
}

/** The ports on which a container listens for others than itself. */
async function portsOf(container: Container): Promise<number[]> {
  const { output } = await container.exec(['cat', '/proc/net/tcp', '/proc/net/tcp6'], 5000)
  const listening = [...output.matchAll(/^\s*\d+: (\w+):(\w+) \w+:\w+ 0A/gm)]
  const ports = listening
    .filter(([, address]) => address !== '0100007F')
    .map(([, , port]) => Number.parseInt(port as string, 16))
  return [...new Set(ports)].sort((a, b) => a - b)
}

/** Digests of everything secret in the volumes, by path. */
function secretsOf(engine: Engine): Record<string, string> {
  const files = SECRET_VOLUMES.flatMap((volume) =>
    readdirSync(engine.volume(volume)).map((name) => join(engine.volume(volume), name))
  )
  return Object.fromEntries(
    files.map((path) => [path, createHash('sha256').update(readFileSync(path)).digest('hex')])
  )
}

function countFiles(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    statSync(join(folder, path)).isFile()
  ).length
}

/** The project of a copy of the compose files in which something is replaced. */
function doctored(folder: string, text: string, replacement: string): Project {
  cpSync(join(PROJECT, 'deploy'), join(folder, 'deploy'), { recursive: true })
  const compose = readFileSync(join(PROJECT, 'docker-compose.yml'), 'utf8')
  writeFileSync(join(folder, 'docker-compose.yml'), compose.replaceAll(text, replacement))
  return readCompose(folder)
}

/** What Caddy says of requests that it could not pass on. */
function errorsOf(containers: Container[]): string[] {
  return containers
    .flatMap(({ lines }) => lines.filter((line) => line.includes('"level":"error"')))
    .slice(-10)
}
