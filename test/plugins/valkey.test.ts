import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import t from 'tap'
import { loadSettings } from '../../domain/settings/settings.ts'
import config from '../../plugins/config.ts'
import valkeyPlugin from '../../plugins/valkey.ts'
import { build, type Teardown } from '../harness/build.ts'
import { newFolder } from '../harness/folder.ts'
import { captureLog, said } from '../harness/log.ts'
import { run } from '../harness/program.ts'
import { valkey } from '../harness/valkey.ts'

const LOST = 'warn Valkey is lost: revocations are polled'
const NOBODY = 'redis://127.0.0.1:1'

t.test('without REDIS_URL there is none', async (t) => {
  const { app } = await build(t)
  t.equal(app.valkey, undefined)
})

t.test('who starts beside it has it at hand from the first request', { skip: valkey.missing }, async (t) => {
  const server = await valkey.start(t)
  for (let round = 0; round < 5; round += 1) {
    const app = await startAlone(t, server.url)
    t.equal(app.valkey?.status, 'ready')
    t.equal(await app.valkey?.ping(), 'PONG')
  }
})

t.test('every key stands under the issuer’s name', { skip: valkey.missing }, async (t) => {
  const server = await valkey.start(t)
  const issuer = 'https://auth.example.com'
  const { app } = await build(t, { env: { REDIS_URL: server.url, AUTH_ISSUER: issuer } })
  await app.valkey?.set('key', 'value')
  const bare = new Redis(server.url)
  t.teardown(() => bare.disconnect())
  t.strictSame(await bare.keys('*'), [`gatehouse:${issuer}:key`])
})

t.test('where nobody is at its address the start warns once and goes on', async (t) => {
  const { log, lines } = captureLog()
  const { app } = await build(t, { env: { REDIS_URL: NOBODY }, log })
  t.equal((await app.inject('/readyz')).statusCode, 200)
  t.strictSame(said(lines, 'Valkey'), [LOST])
  t.match(lines[0]?.reason, /ECONNREFUSED/)
})

t.test('one that is silent or hangs up holds the start up for two seconds at most', async (t) => {
  for (const answer of ['nothing', 'good-bye'] as const) {
    const server = createServer((socket) => void (answer === 'good-bye' && socket.destroy())).listen(
      0,
      '127.0.0.1'
    )
    t.teardown(() => server.close())
    await once(server, 'listening')
    const { log, lines } = captureLog()
    const from = performance.now()
    const { port } = server.address() as { port: number }
    const { app } = await build(t, { env: { REDIS_URL: `redis://127.0.0.1:${port}` }, log })
    t.ok(performance.now() - from < 4000)
    t.equal((await app.inject('/readyz')).statusCode, 200)
    t.strictSame(said(lines, 'Valkey'), [LOST], answer)
  }
})

t.test('a wrong password is warned about, and in no line of the log', { skip: valkey.missing }, async (t) => {
  const server = await valkey.start(t, ['--requirepass', 'right'])
  const { log, lines } = captureLog()
  const url = server.url.replace('//', '//:hunter2@')
  const { app } = await build(t, { env: { REDIS_URL: url, AUTH_RATE_LIMIT_PER_IP: '5' }, log })
  t.equal((await app.inject('/auth/me')).statusCode, 401)
  t.match(lines[0], { level: 'warn', msg: /^Valkey is lost/, reason: /^WRONGPASS / })
  t.notMatch(JSON.stringify(lines), /hunter2/)
})

t.test('the right one is taken', { skip: valkey.missing }, async (t) => {
  const server = await valkey.start(t, ['--requirepass', 'r:ght@'])
  const app = await startAlone(t, server.url.replace('//', `//:${encodeURIComponent('r:ght@')}@`))
  t.equal(await app.valkey?.ping(), 'PONG')
})

t.test('a socket is reached, by a user with every special character', { skip: valkey.missing }, async (t) => {
  const folder = await newFolder(t)
  const server = await valkey.start(t, ['--unixsocket', join(folder, 'valkey.sock')])
  const admin = new Redis(server.url)
  t.teardown(() => admin.disconnect())
  const password = `p:a@s/s?w#o%r&d [,]+"'\\ü`
  await admin.call('ACL', 'SETUSER', 'ada@work', 'on', `>${password}`, '~*', '&*', '+@all')
  const login = `${encodeURIComponent('ada@work')}:${encodeURIComponent(password)}`
  const app = await startAlone(t, `unix://${login}@${folder}/valkey.sock?db=3`)
  await app.valkey?.set('key', 'value')
  t.match(await admin.info('keyspace'), /^db3:keys=1,/m)
})

t.test('a closed app leaves nothing open', { skip: valkey.missing }, async (t) => {
  const server = await valkey.start(t)
  for (const [name, url] of [
    ['with Valkey', server.url],
    ['without it', NOBODY],
    ['while it hangs', server.url]
  ] as const) {
    if (name === 'while it hangs') server.pause()
    const { code, stdout } = await run(['-'], { env: { REDIS_URL: url }, input: BUILT_AND_CLOSED, cwd: ROOT })
    t.equal(code, 0)
    t.ok(Number(stdout) < 500, `${name}: ended ${stdout.trim()} ms after it was closed`)
  }
})

/** Prints the milliseconds from when the app was closed until nothing was left to wait for. */
const ROOT = new URL('../..', import.meta.url)
const BUILT_AND_CLOSED = `
import { mkdtempSync, rmSync } from 'node:fs'
import { buildApp } from './app.ts'
import { loadSettings } from './domain/settings/settings.ts'
const folder = mkdtempSync('/tmp/gatehouse-')
const env = { REDIS_URL: process.env.REDIS_URL, AUTH_DATA_DIR: folder, LOG_LEVEL: 'silent' }
const app = await buildApp(loadSettings(env, () => '').config)
await app.inject('/auth/me')
await app.close()
const closedAt = performance.now()
rmSync(folder, { recursive: true })
process.on('exit', () => console.log(Math.round(performance.now() - closedAt)))`

/** The plugin with nothing after it that takes its time. */
async function startAlone(t: Teardown, url: string) {
  const settings = loadSettings(
    { REDIS_URL: url, AUTH_MASTER_KEY: randomBytes(48).toString('base64url') },
    () => ''
  ).config
  const app = Fastify()
  t.teardown(() => app.close())
  const monotonic = () => performance.now()
  await app.register(config, { config: settings, clock: Date.now, monotonic, elapsed: monotonic })
  await app.register(valkeyPlugin)
  await app.ready()
  return app
}
