import { once } from 'node:events'
import { METHODS } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { build } from '../../harness/build.ts'
import { register, tokenOf } from '../../oauth/machine.ts'

const headersOfAll = {
  'content-security-policy': /default-src 'none'/,
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cache-control': 'no-store',
  'strict-transport-security': /max-age=31536000/,
  'x-request-id': /^[0-9a-f-]{36}$/,
  'content-type': 'application/problem+json; charset=utf-8'
}

interface RawReply {
  status: number
  headers: Record<string, string>
  text: string
}

/** Sends these bytes and reads until the service closes the connection. `Connection: close` is the test's to send. */
async function exchange(app: FastifyInstance, bytes: string): Promise<RawReply> {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.write(bytes)
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  await once(socket, 'close')
  const [head = '', text = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const pairs = lines.map((line) => line.split(/: (.*)/s) as [string, string])
  const headers = Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value]))
  return { status: Number(statusLine.split(' ')[1]), headers, text }
}

/** Of an operation of the API reference, what the test of numbers reads. */
interface Operation {
  parameters?: Array<{ name: string; in: string; schema: { type?: string; minimum?: number } }>
}

async function listening(t: Test, options: Parameters<typeof build>[1] = {}) {
  const env = { AUTH_ISSUER: 'https://auth.example.com', ...options.env }
  const built = await build(t, { ...options, env })
  await built.app.listen({ host: '127.0.0.1', port: 0 })
  return built
}

t.test('a field that is there once at most is refused twice, whatever the lines say', async (t) => {
  const { app } = await listening(t)
  const twice: Array<[name: string, first: string, second: string]> = [
    ['Host', 'auth.example.com', 'evil.example'],
    ['Host', 'auth.example.com', 'auth.example.com'],
    ['Authorization', 'Bearer a', 'Bearer b'],
    ['Authorization', 'Basic YTpi', 'Bearer b'],
    ['Content-Type', 'application/json', 'text/plain']
  ]
  for (const [name, first, second] of twice)
    for (const [spelled, path] of [
      [name.toLowerCase(), '/livez'],
      [name.toUpperCase(), '/auth/me'],
      [name, '/no/such/path']
    ]) {
      const host = name === 'Host' ? '' : 'Host: a\r\n'
      const reply = await exchange(
        app,
        `GET ${path} HTTP/1.1\r\n${host}${name}: ${first}\r\n${spelled}: ${second}\r\nConnection: close\r\n\r\n`
      )
      t.match(reply, { status: 400, headers: headersOfAll }, `${name} ${path}`)
      t.match(JSON.parse(reply.text), { code: 'invalid_request', detail: `There are two lines ${spelled}.` })
    }
})

t.test('a request of HTTP/1.1 names its host; one of HTTP/1.0 need not', async (t) => {
  const { app } = await listening(t)
  const reply = await exchange(app, 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n')
  t.match(reply, { status: 400, headers: headersOfAll })
  t.match(JSON.parse(reply.text), { code: 'invalid_request', detail: 'There is no line Host.' })
  t.equal((await exchange(app, 'GET /livez HTTP/1.0\r\n\r\n')).status, 200)
})

t.test('Node’s own replies are problems with the headers of all replies', async (t) => {
  const { app } = await listening(t)
  Object.assign(app.server, { requestTimeout: 200, headersTimeout: 200 })
  const cases: Array<[status: number, code: string, bytes: string]> = [
    [417, 'expectation_failed', 'GET /livez HTTP/1.1\r\nHost: a\r\nExpect: foo\r\n\r\n'],
    [431, 'headers_too_large', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
    [400, 'invalid_request', 'GET / HTTP/1.1\r\nHost: a\r\nX y\r\n\r\n'],
    [408, 'request_timeout', 'GET / HTTP/1.1\r\nHost: a\r\n'],
    [
      408,
      'request_timeout',
      'POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{'
    ]
  ]
  await Promise.all(
    cases.map(async ([status, code, bytes]) => {
      const reply = await exchange(app, bytes)
      t.match(reply, { status, headers: { ...headersOfAll, connection: 'close' } }, bytes.slice(0, 60))
      t.match(JSON.parse(reply.text), { status, code, requestId: reply.headers['x-request-id'] })
      t.equal(reply.headers['content-length'], String(Buffer.byteLength(reply.text)))
    })
  )
  const met =
    'POST /auth/logout HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
  t.equal((await exchange(app, met)).status, 100, 'the one expectation that is met')
})

t.test('a reply without content tells no length of one, to GET and to HEAD', async (t) => {
  const { app, signUp } = await listening(t)
  const ask = (method: string, path: string, line: string) =>
    exchange(app, `${method} ${path} HTTP/1.1\r\nHost: a\r\n${line}\r\nConnection: close\r\n\r\n`)
  const jwks = '/.well-known/jwks.json'
  const { etag } = (await ask('GET', jwks, 'Accept: */*')).headers
  const person = await signUp()
  const bearer = `Authorization: Bearer ${person.cookies.get('__Host-access')?.value}`
  for (const method of ['GET', 'HEAD']) {
    const unchanged = await ask(method, jwks, `If-None-Match: ${etag}`)
    t.match(unchanged, { status: 304, text: '', headers: { etag } }, method)
    t.equal(unchanged.headers['content-length'], undefined, `${method}: 304`)
    const checked = await ask(method, '/auth/check', bearer)
    t.match(checked, { status: 204, text: '' }, method)
    t.equal(checked.headers['content-length'], undefined, `${method}: 204`)
  }
  const [whole, head] = [await ask('GET', jwks, 'Accept: */*'), await ask('HEAD', jwks, 'Accept: */*')]
  t.equal(head.headers['content-length'], whole.headers['content-length'])
})

t.test('a method that a path does not have is 405, before its body is looked at', async (t) => {
  const { app } = await listening(t)
  const bodies = ['', 'Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nx', 'Content-Length: 1\r\n\r\n{']
  for (const method of METHODS.filter(
    (each) => !['CONNECT', 'GET', 'HEAD', 'PATCH', 'DELETE'].includes(each)
  ))
    for (const body of bodies) {
      const reply = await exchange(
        app,
        `${method} /auth/me HTTP/1.1\r\nHost: a\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n${body || '\r\n'}`
      )
      const expected = { status: 405, headers: { ...headersOfAll, allow: 'DELETE, GET, HEAD, PATCH' } }
      t.match(reply, expected, `${method} ${body}`)
      t.match(JSON.parse(reply.text), { code: 'method_not_allowed' })
    }
})

t.test('a number in an address is written as it is, in every query of every route', async (t) => {
  const service = await build(t)
  const root = await service.setUp()
  const machine = await register(service, { scope: ['revocations:read'] })
  const bearer = { authorization: `Bearer ${await tokenOf(service, machine)}` }
  const { paths } = (await root.get('/docs/json')).body as { paths: Record<string, { get?: Operation }> }
  const numbers = Object.entries(paths).flatMap(([path, { get }]) =>
    (get?.parameters ?? [])
      .filter(({ in: place, schema }) => place === 'query' && schema.type === 'integer')
      .map(({ name, schema }) => ({ path, name, minimum: schema.minimum ?? 0 }))
  )
  t.ok(numbers.length >= 7, `${numbers.length} numbers`)
  for (const { path: template, name, minimum } of numbers) {
    const path = template.replace(/\{\w+\}/g, '0192f0c1-0000-7000-8000-000000000000')
    const headers = path.startsWith('/oauth') ? bearer : {}
    for (const value of [
      '2.5',
      '2.0',
      '1e2',
      '1E2',
      '0x10',
      '+5',
      '05',
      '-0',
      '%205',
      '5%20',
      '٥',
      'true',
      '',
      '5&limit=6'
    ]) {
      const { status, body } = await root.get(`${path}?${name}=${value}`, headers)
      t.match(
        { status, body },
        { status: 400, body: { code: 'invalid_request' } },
        `${path}?${name}=${value}`
      )
    }
    const { status } = await root.get(`${path}?${name}=${minimum}`, headers)
    t.ok([200, 404].includes(status), `${path}?${name}=${minimum}: ${status}`)
  }
})

t.test('what a trusted proxy got by plain http is refused while the issuer is https', async (t) => {
  const proxied = (proto: string) => ({ 'x-forwarded-for': '198.51.100.7', 'x-forwarded-proto': proto })
  const trusting = await build(t, {
    env: { AUTH_ISSUER: 'https://auth.example.com', AUTH_TRUST_PROXY: '127.0.0.1' }
  })
  const strange = trusting.browser()
  for (const [path, status] of [
    ['/livez', 200],
    ['/auth/me', 401],
    ['/no/such', 404]
  ] as const) {
    t.match(await strange.get(path, proxied('http')), { status: 403, body: { code: 'https_required' } })
    t.match(await strange.get(path, proxied('https, http')), { status: 403 }, 'the last hop counts')
    t.equal((await strange.get(path, proxied('https'))).status, status)
    t.equal((await strange.get(path)).status, status, 'a health check has no proxy')
  }
  const alone = await build(t, { env: { AUTH_ISSUER: 'https://auth.example.com' } })
  t.equal(
    (await alone.browser().get('/livez', proxied('http'))).status,
    200,
    'a stranger’s word counts for nothing'
  )
  const local = await build(t, { env: { AUTH_TRUST_PROXY: '127.0.0.1' } })
  t.equal((await local.browser().get('/livez', proxied('http'))).status, 200)
})
