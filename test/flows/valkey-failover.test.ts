import { setImmediate } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { Redis } from 'ioredis'
import t from 'tap'
import { valkeyCheck } from '../../commands/doctor/valkey.ts'
import { loadSettings } from '../../domain/settings/settings.ts'
import { build, type Teardown } from '../harness/build.ts'
import { captureLog, said } from '../harness/log.ts'
import { createTcpProxy } from '../harness/tcp-proxy.ts'
import { until } from '../harness/token-watch.ts'
import { type ValkeyServer, valkey } from '../harness/valkey.ts'

const CHANNEL = 'gatehouse:http://localhost:3000:revocations'
const LIMIT = 12
/** A primary waits five seconds for more replicas before it sends its data. */
const AT_ONCE = ['--repl-diskless-sync-delay', '0']

t.test(
  'two servers change roles behind one address, and both stay up',
  { skip: valkey.missing },
  async (t) => {
    const [old, young] = [await valkey.start(t, AT_ONCE), await valkey.start(t, AT_ONCE)]
    await follow(t, young, old)
    const proxy = await createTcpProxy({ host: '127.0.0.1', port: old.port })
    const first = await instance(t, { REDIS_URL: `redis://127.0.0.1:${proxy.port}` })
    const apps = [first.app, (await instance(t, first.env)).app]
    t.teardown(() => proxy.close())
    await until(async () => (await subscribers(t, old)) === 2, 'both listen to the old primary')

    proxy.redirect(young.port)
    await lead(t, young)
    await follow(t, old, young)

    t.test('limits are exact again', async (t) => {
      for (const app of apps) {
        await until(async () => (await remaining(app)) === String(LIMIT - 1), 'the count is that of Valkey')
      }
      const statuses = await Promise.all(
        Array.from({ length: 3 * LIMIT }, (_, n) => ask(apps[n % 2], '192.0.2.1'))
      )
      t.equal(statuses.filter((status) => status !== 429).length, LIMIT)
    })

    t.test('revocations are announced at the new primary', async (t) => {
      await until(async () => (await subscribers(t, young)) === 2, 'both listen to the new primary')
      t.pass()
    })

    t.test('the log has two lines about it', async (t) => {
      t.strictSame(said(first.lines, 'Valkey'), [
        'warn Valkey does not count: limits are local and stricter',
        'info Valkey counts again: limits are exact'
      ])
      t.match(first.lines[0], { reason: /^READONLY / })
    })
  }
)

/** Sentinel takes its own configuration file apart at blanks, quotes and backslashes. */
const PASSWORD = 'p:a@s/s?w#o%r&d[,]+'
const OWN = 's%&+/@:#'

t.test('Sentinels replace a primary that died', { skip: valkey.missing }, async (t) => {
  const secured = [...AT_ONCE, '--requirepass', PASSWORD, '--masterauth', PASSWORD]
  const [old, young] = [await valkey.start(t, secured), await valkey.start(t, secured)]
  for (const server of [old, young])
    server.url = server.url.replace('//', `//:${encodeURIComponent(PASSWORD)}@`)
  await follow(t, young, old)
  const port = await valkey.watch(t, old, PASSWORD, OWN)
  const login = `:${encodeURIComponent(PASSWORD)}`
  const own = `sentinel_password=${encodeURIComponent(OWN)}`
  const url = `redis+sentinel://${login}@127.0.0.1:1,127.0.0.1:${port}/main/2?${own}`
  const { app } = await instance(t, { REDIS_URL: url })

  t.test('limits are counted at the primary, in the database that the URL names', async (t) => {
    t.equal(await remaining(app), String(LIMIT - 1))
    t.match(await client(t, old).info('keyspace'), /db2:keys=/)
  })

  t.test('the doctor finds it well, and names a primary that the Sentinels do not know', async (t) => {
    t.match(await examine(url), [{ severity: 'ok' }])
    const [finding] = await examine(url.replace('/main', '/mine'))
    t.match(finding, { severity: 'error', advice: /^The Sentinels do not know the name/ })
    t.notMatch(finding?.message, /p:a@s/)
  })

  t.test('a user who may not count is warned about once', async (t) => {
    const admin = client(t, old)
    await admin.call('ACL', 'SETUSER', 'limited', 'on', '>p', '~*', '&*', '+@all', '-eval')
    const { app, lines } = await instance(t, { REDIS_URL: url.replace(login, 'limited:p') })
    const connections = async () =>
      Number(/total_connections_received:(\d+)/.exec(await admin.info('stats'))?.[1])
    const before = await connections()
    await until(
      async () => Boolean(await remaining(app)) && (await connections()) > before + 6,
      'it connected again'
    )
    t.strictSame(said(lines, 'Valkey'), ['warn Valkey does not count: limits are local and stricter'])
  })

  t.test('limits are exact again, and revocations are announced, at the new primary', async (t) => {
    // A Sentinel asks a primary for its replicas every ten seconds.
    const sentinel = client(t, { url: `redis://:${encodeURIComponent(OWN)}@127.0.0.1:${port}` })
    const known = async () =>
      String(await sentinel.call('SENTINEL', 'REPLICAS', 'main')).includes(String(young.port))
    await until(known, 'the Sentinel knows the replica')
    await old.kill()
    await until(async () => (await remaining(app)) === String(LIMIT - 1), 'the count is that of Valkey')
    await until(async () => (await subscribers(t, young)) === 1, 'it listens to the new primary')
  })
})

async function examine(REDIS_URL: string) {
  const { config } = loadSettings({ REDIS_URL }, () => '')
  return valkeyCheck(config).look(AbortSignal.timeout(10_000))
}

async function instance(t: Teardown, env: Record<string, string>) {
  const { log, lines } = captureLog()
  return { ...(await build(t, { env: { AUTH_RATE_LIMIT_PER_IP: `${LIMIT}`, ...env }, log })), lines }
}

let addresses = 0

/** Returns what a new address has left of its limit. */
async function remaining(app: FastifyInstance): Promise<unknown> {
  addresses += 1
  const { headers } = await app.inject({ url: '/auth/me', remoteAddress: `198.18.0.${addresses % 250}` })
  return headers['x-ratelimit-remaining']
}

async function ask(app: FastifyInstance | undefined, remoteAddress: string): Promise<number | undefined> {
  await setImmediate()
  return (await app?.inject({ url: '/auth/me', remoteAddress }))?.statusCode
}

function client(t: Teardown, { url }: Pick<ValkeyServer, 'url'>): Redis {
  const redis = new Redis(url, { retryStrategy: () => null })
  redis.on('error', () => {})
  t.teardown(() => redis.disconnect())
  return redis
}

/** Makes a server the replica of another, and waits until it has its data. */
async function follow(t: Teardown, replica: ValkeyServer, primary: ValkeyServer): Promise<void> {
  const redis = client(t, replica)
  await redis.replicaof('127.0.0.1', primary.port)
  const isInStep = async () => (await redis.info('replication')).includes('master_link_status:up')
  await until(isInStep, 'the replica is in step')
}

async function lead(t: Teardown, server: ValkeyServer): Promise<void> {
  await client(t, server).replicaof('NO', 'ONE')
}

async function subscribers(t: Teardown, server: ValkeyServer): Promise<number> {
  const redis = client(t, server)
  // A Sentinel ends the connections of a server that changes its role.
  const [, count] = await redis.pubsub('NUMSUB', CHANNEL).catch(() => [])
  redis.disconnect()
  return Number(count)
}
