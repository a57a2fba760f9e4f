import { Redis } from 'ioredis'
import t from 'tap'
import { valkeyCheck } from '../../../commands/doctor/valkey.ts'
import { loadSettings } from '../../../domain/settings/settings.ts'
import type { Teardown } from '../../harness/build.ts'
import { until } from '../../harness/token-watch.ts'
import { type ValkeyServer, valkey } from '../../harness/valkey.ts'

const RIGHTS = /^Give the user its rights: ACL SETUSER/

t.test('the doctor does with Valkey what the service does', { skip: valkey.missing }, async (t) => {
  const server = await valkey.start(t)
  const admin = client(t, server)
  const limited = async (...rules: string[]) => {
    await admin.call('ACL', 'SETUSER', 'limited', 'reset', 'on', '>secret', '~*', '&*', '+@all', ...rules)
    return server.url.replace('//', '//limited:secret@')
  }

  t.test('a server that lets it do everything is well, and keeps nothing of it', async (t) => {
    t.match(await look(server.url), [{ severity: 'ok' }])
    await until(async () => (await admin.dbsize()) === 0, 'the count has ended')
  })

  t.test('a database that the server does not have is an error', async (t) => {
    t.match(await look(`${server.url}/99`), [
      { severity: 'error', message: /DB index is out of range/, advice: /^Name a database in REDIS_URL/ }
    ])
  })

  t.test('each missing right is an error', async (t) => {
    t.match(await look(await limited('-eval')), [
      { severity: 'error', message: /^Valkey does not count requests: NOPERM/, advice: RIGHTS }
    ])
    t.match(await look(await limited('-incr')), [{ severity: 'error', message: /count/, advice: RIGHTS }])
    t.match(await look(await limited('resetchannels')), [
      { severity: 'error', message: /^Valkey does not announce revocations: NOPERM/, advice: RIGHTS },
      { severity: 'error', message: /^Valkey does not pass announcements on: NOPERM/, advice: RIGHTS }
    ])
  })

  t.test('a user without INFO is well, and the library prints nothing', async (t) => {
    const printed = t.capture(console, 'warn')
    t.match(await look(await limited('-info')), [{ severity: 'ok' }])
    t.strictSame(printed(), [])
  })

  t.test('a replica that only reads is an error', async (t) => {
    const replica = await valkey.start(t, ['--replicaof', `127.0.0.1 ${server.port}`])
    t.match(await look(replica.url), [{ severity: 'error', message: /READONLY/, advice: /primary/ }])
  })
})

async function look(REDIS_URL: string) {
  const { config } = loadSettings({ REDIS_URL }, () => '')
  return valkeyCheck(config).look(AbortSignal.timeout(10_000))
}

function client(t: Teardown, { url }: ValkeyServer): Redis {
  const redis = new Redis(url, { retryStrategy: () => null })
  redis.on('error', () => {})
  t.teardown(() => redis.disconnect())
  return redis
}
