import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { sqlitePathOf } from '../../store/sqlite/path.ts'
import { build, password, type Teardown } from '../harness/build.ts'
import { freePort, run, start } from '../harness/program.ts'

const IN_FLIGHT = 50
const NOTICE = 3000
const GRACE = 8000

t.test('SIGTERM: nobody who is being served is let down', async (t) => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const server = await start(t, { ...settings(await folder(t)), PORT: port })
  await register(url, 'ada@example.com')
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const kept = await ask(agent, `${url}/livez`)
  t.equal(kept.connection, 'keep-alive')

  const logins = Array.from({ length: IN_FLIGHT }, () => login(url, 'ada@example.com'))
  await ask(agent, `${url}/livez`)
  const stoppedAt = performance.now()
  const ended = server.stop('SIGTERM')
  await t.test('readiness says so at once, with the reason', async (t) => {
    const seen = await until(
      () => ask(agent, `${url}/readyz`),
      ({ status }) => status === 503
    )
    t.match(JSON.parse(seen.text), { code: 'not_ready', reasons: ['draining'] })
    t.ok(performance.now() - stoppedAt < 1000)
  })

  await t.test(
    'what comes while balancers have not seen it is served, and its connection ends',
    async (t) => {
      for (const path of ['/livez', '/auth/csrf', '/nowhere']) {
        const answer = await ask(agent, url + path)
        t.equal(answer.connection, 'close', path)
        t.not(answer.status, 503)
      }
      t.equal(await login(url, 'ada@example.com'), 200)
    }
  )

  await t.test('all that was in flight is answered, and the end comes in time', async (t) => {
    const late = later(NOTICE - 500 - (performance.now() - stoppedAt), () => login(url, 'ada@example.com'))
    t.strictSame([...new Set(await Promise.all(logins))], [200])
    t.equal(await late, 200)
    const { code, stderr } = await ended
    const took = performance.now() - stoppedAt
    t.equal(code, 0)
    t.equal(stderr, '')
    t.ok(took >= NOTICE && took < GRACE, `${Math.round(took)} ms`)
    t.comment(
      `${IN_FLIGHT + 2} requests in flight or later: all answered; ended after ${Math.round(took)} ms`
    )
  })
})

t.test('a connection that never asked anything holds no end up', async (t) => {
  const port = await freePort()
  const server = await start(t, { ...settings(await folder(t)), PORT: port })
  const socket = connect(Number(port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  const from = performance.now()
  const closed = once(socket.resume(), 'close')
  t.equal((await server.stop('SIGINT')).code, 0)
  await closed
  t.ok(performance.now() - from < 2000)
})

t.test('half a request holds no end up for longer than it may take', async (t) => {
  const port = await freePort()
  const server = await start(t, { ...settings(await folder(t)), PORT: port })
  const answered = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const body =
    'POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{'
  for (const half of ['GET /li', `${answered}GET /li`, body]) {
    const socket = connect(Number(port), '127.0.0.1').on('error', () => {})
    t.teardown(() => socket.destroy())
    socket.resume().write(half)
  }
  await ask(new Agent(), `http://127.0.0.1:${port}/livez`)
  const from = performance.now()
  const { code, stderr } = await server.stop('SIGINT')
  t.equal(stderr, '')
  t.equal(code, 0)
  t.ok(performance.now() - from < GRACE)
})

t.test('a request that does not arrive in time is refused soon after', async (t) => {
  const { app } = await build(t)
  t.equal(app.server.requestTimeout, 10_000)
  app.server.requestTimeout = 300
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as { port: number }
  const socket = connect(port, '127.0.0.1').setEncoding('utf8')
  const from = performance.now()
  socket.write('GET /livez HTTP/1.1\r\nHost: ')
  const [text] = await once(socket, 'data')
  t.match(text, /^HTTP\/1\.1 408 Request Timeout\r\n/)
  t.ok(performance.now() - from < 5000, 'Node by itself looks every 30 seconds')
})

t.test('whoever waits at the port when the close begins is served', async (t) => {
  const { app } = await build(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as { port: number }
  const answers = Array.from({ length: IN_FLIGHT }, async () => {
    const socket = connect(port, '127.0.0.1').setEncoding('utf8')
    socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const [text] = await once(socket, 'data')
    socket.destroy()
    return text.split('\r\n', 1)[0]
  })
  const closed = app.close()
  t.strictSame([...new Set(await Promise.all(answers))], ['HTTP/1.1 200 OK'])
  await closed
})

t.test('a request that arrives in pieces is answered after the close began', async (t) => {
  const { app } = await build(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as { port: number }
  const socket = connect(port, '127.0.0.1').setEncoding('utf8')
  let text = ''
  socket.on('data', (part) => {
    text += part
  })
  socket.write('GET /livez HTTP/1.1\r\nHost: ')
  const [seen]: Socket[] = await once(app.server, 'connection')
  while (seen?.bytesRead === 0) await nextTurn()
  const closed = app.close()
  socket.write('localhost\r\n\r\n')
  await once(socket, 'close')
  await closed
  t.match(text, /^HTTP\/1\.1 200 OK\r\n/)
  t.match(text, /\r\nconnection: close\r\n/i)
})

t.test('one service a SQLite database', async (t) => {
  const env = settings(await folder(t))
  const port = await freePort()
  const first = await start(t, { ...env, PORT: port })

  await t.test('a second one is refused in a line', async (t) => {
    const second = await run(['server.ts'], { env: { ...env, PORT: await freePort() } })
    t.equal(second.code, 1)
    t.equal(second.stdout, '')
    t.equal(
      second.stderr,
      `The database cannot be used: ${env.AUTH_DATA_DIR}/gatehouse.db is in use by another Gatehouse: several at once need PostgreSQL\n`
    )
  })

  await t.test('nor does a link to the file or its folder make another of it', async (t) => {
    const elsewhere = await folder(t)
    await symlink(join(env.AUTH_DATA_DIR, 'gatehouse.db'), join(elsewhere, 'gatehouse.db'))
    await symlink(env.AUTH_DATA_DIR, join(elsewhere, 'data'))
    const toBe = join(elsewhere, 'to-be.db')
    await symlink('made-later.db', toBe)
    t.equal(sqlitePathOf(`file:${toBe}`), join(elsewhere, 'made-later.db'))
    for (const AUTH_DATA_DIR of [elsewhere, join(elsewhere, 'data')]) {
      const { code, stderr } = await run(['server.ts'], {
        env: { ...env, AUTH_DATA_DIR, PORT: await freePort() }
      })
      t.match(stderr, /gatehouse\.db is in use by another Gatehouse/)
      t.equal(code, 1)
    }
  })

  await t.test('commands work beside it', async (t) => {
    const { code, stderr } = await run(['cli.ts', 'roles', 'set', 'buyer', '--scope', 'orders:read'], { env })
    t.equal(stderr, '')
    t.equal(code, 0)
  })

  await t.test('the lock dies with its process, however that ends', async (t) => {
    await first.stop('SIGKILL')
    const next = await start(t, { ...env, PORT: port })
    t.equal((await next.stop()).code, 0)
  })
})

t.test(
  'a data folder that may not be written to is refused in a line',
  { skip: whyNoOtherUser() },
  async (t) => {
    const path = await folder(t)
    await chmod(path, 0o755)
    const refused = async (t: Test, env: Record<string, string>) => {
      const { stderr, code } = await asNobody(['server.ts'], { ...env, PORT: await freePort() })
      t.equal(code, 1)
      t.match(stderr, /^[^\n]*gatehouse[^\n]*\n$/i)
      return stderr
    }

    await t.test('where it is to be made', async (t) => {
      t.match(await refused(t, settings(join(path, 'data'))), /permission denied.*mkdir/)
    })

    await t.test('where it is another’s', async (t) => {
      const data = join(path, 'other')
      await mkdir(data, { mode: 0o755 })
      t.match(await refused(t, settings(data)), /cannot be written to/)
    })

    await t.test('where the database or its lock alone is another’s', async (t) => {
      for (const [folder, file] of [
        ['mine', 'gatehouse.db'],
        ['mine-too', 'gatehouse.db.lock']
      ] as const) {
        const data = join(path, folder)
        await mkdir(data)
        const server = await start(t, { ...settings(data), PORT: await freePort() })
        await server.stop()
        await chown(data, NOBODY, NOBODY)
        for (const each of await readdir(data)) {
          await chown(join(data, each), each === file ? 0 : NOBODY, NOBODY)
          await chmod(join(data, each), 0o644)
        }
        t.match(await refused(t, settings(data)), /cannot be written to|permission denied/)
      }
    })

    await t.test('where its lock is a link, and whoever made it gets nothing by it', async (t) => {
      const data = join(path, 'linked')
      await mkdir(data)
      await writeFile(join(path, 'of-root'), 'secret', { mode: 0o600 })
      await symlink(join(path, 'of-root'), join(data, 'gatehouse.db.lock'))
      await chown(data, NOBODY, NOBODY)
      const { code, stderr } = await run(['server.ts'], {
        env: { ...settings(data), PORT: await freePort() }
      })
      t.equal(code, 1)
      t.match(stderr, /cannot be written to: ELOOP/)
      t.equal((await stat(join(path, 'of-root'))).uid, 0)
    })

    await t.test('though not after a restore by root', async (t) => {
      const data = join(path, 'restored')
      await mkdir(data)
      await chown(data, NOBODY, NOBODY)
      const env = settings(data)
      const backup = join(path, 'backup.db')
      await run(['cli.ts', 'migrate'], { env: settings(join(path, 'elsewhere')) })
      await run(['cli.ts', 'backup', backup], { env: settings(join(path, 'elsewhere')) })
      const { code, stderr } = await run(['cli.ts', 'restore', backup], { env })
      t.equal(code, 0, stderr)
      for (const file of await readdir(data)) t.equal((await stat(join(data, file))).uid, NOBODY, file)
    })
  }
)

const NOBODY = 65_534

function whyNoOtherUser(): string | false {
  return process.getuid?.() === 0 ? false : 'only root can run a program as somebody else'
}

async function asNobody(args: string[], env: Record<string, string>) {
  const options = { cwd: new URL('../..', import.meta.url), uid: NOBODY, gid: NOBODY }
  const inherited = { PATH: process.env.PATH }
  try {
    // Without what the test runner has every Node.js write down: nobody may write there.
    const command = ['--unset=NODE_OPTIONS', process.execPath, ...args]
    const { stderr } = await promisify(execFile)('env', command, {
      ...options,
      env: { ...inherited, ...env },
      timeout: 20_000
    })
    return { code: 0, stderr }
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string }
    return { code, stderr }
  }
}

function settings(path: string) {
  return {
    AUTH_DATA_DIR: path,
    AUTH_MASTER_KEY: randomBytes(48).toString('base64url'),
    LOG_LEVEL: 'info',
    AUTH_RATE_LIMIT_PER_IP: '0',
    AUTH_LOGIN_LIMIT_PER_IP: '0',
    AUTH_LOGIN_LIMIT_PER_ACCOUNT: '0'
  }
}

async function register(url: string, email: string): Promise<void> {
  await post(`${url}/auth/register`, { email, password })
}

async function login(url: string, email: string): Promise<number> {
  return (await post(`${url}/auth/login`, { email, password })).status
}

async function post(url: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json', connection: 'close' }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  await response.text()
  return response
}

interface Told {
  status: number
  connection: string | undefined
  text: string
}

function ask(agent: Agent, url: string): Promise<Told> {
  return new Promise((resolve, reject) => {
    request(url, { agent }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part) => {
        text += part
      })
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, connection: response.headers.connection, text })
      )
    })
      .on('error', reject)
      .end()
  })
}

async function until<T>(work: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const value = await work()
  return holds(value) ? value : until(work, holds)
}

function later<T>(wait: number, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => setTimeout(() => work().then(resolve, reject), Math.max(0, wait)))
}

async function folder(t: Teardown): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'gatehouse-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}
