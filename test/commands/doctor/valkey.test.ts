import { Redis } from 'ioredis'
import t from 'tap'
import type { NamedFinding } from '../../../commands/doctor/checkup.ts'
import { valkeyCheck } from '../../../commands/doctor/valkey.ts'
import { loadSettings } from '../../../domain/settings/settings.ts'
import type { Teardown } from '../../harness/build.ts'
import { certificates } from '../../harness/certificate.ts'
import { newFolder } from '../../harness/folder.ts'
import { freePort } from '../../harness/port.ts'
import { run } from '../../harness/program.ts'
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

t.test(
  'the doctor finds Valkey behind TLS well if its authority is known, and says so if it is not',
  { skip: valkey.missing || certificates.missing },
  async (t) => {
    const { path, keyPath } = await certificates.make(t, 365)
    const port = await freePort()
    const files = ['--tls-cert-file', path, '--tls-key-file', keyPath, '--tls-ca-cert-file', path]
    await valkey.start(t, ['--tls-port', `${port}`, '--tls-auth-clients', 'no', ...files])
    const env = { REDIS_URL: `rediss://:p@localhost:${port}`, AUTH_DATA_DIR: await newFolder(t) }
    t.match(await lookFromOutside({ ...env, NODE_EXTRA_CA_CERTS: path }), { severity: 'ok' })
    t.match(await lookFromOutside(env), {
      severity: 'error',
      message: /self-signed certificate/,
      advice: /NODE_EXTRA_CA_CERTS/
    })
  }
)

/** Node.js reads NODE_EXTRA_CA_CERTS only when it starts. */
async function lookFromOutside(env: Record<string, string>): Promise<NamedFinding | undefined> {
  const { stdout } = await run(['cli.ts', 'doctor', '--json'], { env })
  const { findings } = JSON.parse(stdout) as { findings: NamedFinding[] }
  return findings.find(({ check }) => check === 'valkey')
}

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
