import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { build, password } from '../harness/build.ts'
import { newFolder } from '../harness/folder.ts'
import { Lateness } from '../harness/lateness.ts'
import { freePort } from '../harness/port.ts'
import { start } from '../harness/program.ts'

const IN_FLIGHT = 50
const NOTICE = 3000
const GRACE = 8000

t.test('SIGTERM: nobody who is being served is let down', async (t) => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const server = await start(t, { ...settings(await newFolder(t)), PORT: port })
  await register(url, 'ada@example.com')
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const kept = await ask(agent, `${url}/livez`)
  t.equal(kept.connection, 'keep-alive')

  const logins = Array.from({ length: IN_FLIGHT }, () => login(url, 'ada@example.com'))
  await ask(agent, `${url}/livez`)
  const [stoppedAt, lateness] = [performance.now(), new Lateness()]
  const ended = server.stop('SIGTERM')
  const late = later(NOTICE / 2, () => login(url, 'ada@example.com'))
  await t.test('readiness says so at once, with the reason', async (t) => {
    const seen = await until(
      () => ask(agent, `${url}/readyz`),
      ({ status }) => status === 503
    )
    t.match(JSON.parse(seen.text), { code: 'not_ready', reasons: ['draining'] })
    t.ok(performance.now() - stoppedAt < 1000 + lateness.allowance)
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
    t.strictSame([...new Set(await Promise.all(logins))], [200])
    t.equal(await late, 200)
    const { code, stderr } = await ended
    const took = performance.now() - stoppedAt
    t.equal(code, 0)
    t.equal(stderr, '')
    t.ok(took >= NOTICE && took < GRACE + lateness.stop(), `${Math.round(took)} ms`)
    t.comment(
      `${IN_FLIGHT + 2} requests in flight or later: all answered; ended after ${Math.round(took)} ms`
    )
  })
})

t.test('a connection that never asked anything holds no end up', async (t) => {
  const port = await freePort()
  const server = await start(t, { ...settings(await newFolder(t)), PORT: port })
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  const [from, lateness] = [performance.now(), new Lateness()]
  const closed = once(socket.resume(), 'close')
  t.equal((await server.stop('SIGINT')).code, 0)
  await closed
  t.ok(performance.now() - from < 2000 + lateness.stop())
})

t.test('half a request holds no end up for longer than it may take', async (t) => {
  const port = await freePort()
  const server = await start(t, { ...settings(await newFolder(t)), PORT: port })
  const answered = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const body =
    'POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{'
  for (const half of ['GET /li', `${answered}GET /li`, body]) {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    t.teardown(() => socket.destroy())
    socket.resume().write(half)
  }
  await ask(new Agent(), `http://127.0.0.1:${port}/livez`)
  const [from, lateness] = [performance.now(), new Lateness()]
  const { code, stderr } = await server.stop('SIGINT')
  t.equal(stderr, '')
  t.equal(code, 0)
  t.ok(performance.now() - from < GRACE + lateness.stop())
})

t.test('a request that does not arrive in time is refused soon after', async (t) => {
  const { app } = await build(t)
  t.equal(app.server.requestTimeout, 10_000)
  app.server.requestTimeout = 300
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as { port: number }
  const socket = connect(port, '127.0.0.1').setEncoding('utf8')
  const [from, lateness] = [performance.now(), new Lateness()]
  socket.write('GET /livez HTTP/1.1\r\nHost: ')
  const [text] = await once(socket, 'data')
  t.match(text, /^HTTP\/1\.1 408 Request Timeout\r\n/)
  t.ok(performance.now() - from < 5000 + lateness.stop(), 'Node by itself looks every 30 seconds')
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
  return new Promise((resolve, reject) => setTimeout(() => work().then(resolve, reject), wait))
}
