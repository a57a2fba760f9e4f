import { Redis } from 'ioredis'
import t from 'tap'
import { explain } from '../../plugins/valkey/refusal.ts'
import { build, type Teardown } from '../harness/build.ts'
import { captureLog, type LogLine, said } from '../harness/log.ts'
import { until } from '../harness/token-watch.ts'
import { type ValkeyServer, valkey } from '../harness/valkey.ts'

const NO_COUNT = 'warn Valkey does not count: limits are local and stricter'
const NO_NEWS = 'warn Valkey announces no revocations: they are polled'
const LOST = 'warn Valkey is lost: revocations are polled'

t.test('the start names what Valkey refuses, and what to do', { skip: valkey.missing }, async (t) => {
  const server = await valkey.start(t)
  const admin = client(t, server)

  t.test('a database that the server does not have: nothing is counted in another one', async (t) => {
    const { app, lines } = await instance(t, `${server.url}/99`)
    for (let request = 0; request < 5; request += 1) await app.inject('/auth/me')
    t.equal(app.valkey?.status === 'ready', false)
    t.strictSame(said(lines, 'Valkey').sort(), [NO_COUNT, LOST])
    t.match(find(lines, LOST), {
      reason: /DB index is out of range/,
      advice: /^Name a database in REDIS_URL/
    })
    t.equal(await admin.dbsize(), 0)
  })

  t.test('no right to the channel', async (t) => {
    const url = await user(admin, server, 'resetchannels')
    const { app, lines } = await instance(t, url)
    await until(() => said(lines, 'Valkey').length > 0, 'it is named')
    t.match(find(lines, NO_NEWS), {
      reason: /^NOPERM .*channel/,
      advice: /^Give the user its rights: ACL SETUSER/
    })
    await app.inject('/auth/me')
    t.strictSame(said(lines, 'Valkey'), [NO_NEWS], 'limits are exact')
  })

  t.test('no right to run scripts, before the first request', async (t) => {
    const { lines } = await instance(t, await user(admin, server, '-eval'))
    t.strictSame(said(lines, 'Valkey'), [NO_COUNT])
    t.match(lines[0], { reason: /^NOPERM .*eval/, advice: /^Give the user its rights: ACL SETUSER/ })
  })

  t.test('no right to what the script does', async (t) => {
    const { lines } = await instance(t, await user(admin, server, '-incr'))
    t.match(find(lines, NO_COUNT), { advice: /^Give the user its rights: ACL SETUSER/ })
  })

  t.test('a replica that only reads', async (t) => {
    const replica = await valkey.start(t, ['--replicaof', `127.0.0.1 ${server.port}`])
    const { lines } = await instance(t, replica.url)
    t.match(find(lines, NO_COUNT), { reason: /^READONLY /, advice: /^Let REDIS_URL lead to the primary/ })
  })

  t.test('a user with the rights of the advice, and no other, has all that it needs', async (t) => {
    const [, rights = ''] = /ACL SETUSER NAME (.*)$/.exec(explain(new Error('NOPERM')).advice ?? '') ?? []
    await admin.call('ACL', 'SETUSER', 'least', 'reset', 'on', '>secret', ...rights.split(' '))
    const warned = t.capture(console, 'warn')
    const { app, lines } = await instance(t, urlOf(server, 'least', '/3'))
    await app.inject('/auth/me')
    await listening(admin, app.config.AUTH_ISSUER)
    t.strictSame(said(lines, 'Valkey'), [])
    t.strictSame(warned(), [], 'the library prints nothing')
  })

  t.test('rights that are given later are taken without a restart', async (t) => {
    const { app, lines } = await instance(t, await user(admin, server, 'resetchannels', '-eval'))
    await until(() => said(lines, 'Valkey').length === 2, 'both refusals are named')
    await admin.call('ACL', 'SETUSER', 'limited', '&*', '+eval')
    const isWell = async () => {
      await app.inject('/auth/me')
      return said(lines, 'Valkey').length === 4
    }
    await until(isWell, 'both rights are used')
    t.strictSame(said(lines, 'Valkey').slice(2).sort(), [
      'info Valkey announces revocations again',
      'info Valkey counts again: limits are exact'
    ])
  })
})

async function instance(t: Teardown, REDIS_URL: string) {
  const { log, lines } = captureLog()
  return { ...(await build(t, { env: { REDIS_URL, AUTH_RATE_LIMIT_PER_IP: '100' }, log })), lines }
}

function find(lines: LogLine[], text: string): LogLine | undefined {
  return lines.find(({ level, msg }) => `${level} ${msg}` === text)
}

/** Makes a user with every right except these. Returns the URL. */
async function user(admin: Redis, server: ValkeyServer, ...rules: string[]): Promise<string> {
  await admin.call('ACL', 'SETUSER', 'limited', 'reset', 'on', '>secret', '~*', '&*', '+@all', ...rules)
  return urlOf(server, 'limited')
}

function urlOf(server: ValkeyServer, name: string, path = ''): string {
  return `${server.url.replace('//', `//${name}:secret@`)}${path}`
}

async function listening(admin: Redis, issuer: string): Promise<void> {
  const count = async () => Number((await admin.pubsub('NUMSUB', `gatehouse:${issuer}:revocations`))[1])
  await until(async () => (await count()) === 1, 'it listens')
}

function client(t: Teardown, { url }: ValkeyServer): Redis {
  const redis = new Redis(url, { retryStrategy: () => null })
  redis.on('error', () => {})
  t.teardown(() => redis.disconnect())
  return redis
}
