import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import type { InjectOptions } from 'fastify'
import t from 'tap'
import { build, password } from '../../harness/build.ts'

t.test('requests are counted by address', async (t) => {
  const { app } = await build(t, { env: { AUTH_RATE_LIMIT_PER_IP: '10' } })
  const from = (remoteAddress: string, url = '/auth/me', headers: InjectOptions['headers'] = {}) =>
    app.inject({ url, remoteAddress, headers })

  t.test('over the limit is 429 with Retry-After, for this address alone', async (t) => {
    for (let n = 0; n < 10; n += 1) t.equal((await from('192.0.2.1')).statusCode, 401)
    const refused = await from('192.0.2.1')
    t.equal(refused.statusCode, 429)
    t.match(refused.json(), { type: 'urn:gatehouse:problem:rate_limited', status: 429, code: 'rate_limited' })
    t.match(refused.headers['retry-after'], /^([1-9]|[1-5]\d|60)$/)
    t.strictSame(refused.cookies, [])
    t.equal((await from('192.0.2.2')).statusCode, 401)
  })

  t.test('unknown paths count, too', async (t) => {
    for (let n = 0; n < 10; n += 1) t.equal((await from('192.0.2.3', `/nope/${n}`)).statusCode, 404)
    t.equal((await from('192.0.2.3', '/nope')).statusCode, 429)
  })

  t.test('one IPv6 /64 is one address, however it is written', async (t) => {
    for (let n = 0; n < 10; n += 1) t.equal((await from(`2001:db8:0:1::${n}`)).statusCode, 401)
    t.equal((await from('2001:0DB8:0000:0001:ffff::1')).statusCode, 429)
    t.equal((await from('2001:db8:0:2::1')).statusCode, 401)
  })

  t.test('an IPv4 address in IPv6 clothes is itself', async (t) => {
    for (let n = 0; n < 10; n += 1) t.equal((await from('192.0.2.4')).statusCode, 401)
    t.equal((await from('::ffff:192.0.2.4')).statusCode, 429)
  })

  t.test('X-Forwarded-For from nobody we trust changes nothing', async (t) => {
    const spoof = (n: number) => ({ 'x-forwarded-for': `198.51.100.${n}`, 'x-real-ip': `198.51.100.${n}` })
    for (let n = 0; n < 10; n += 1) t.equal((await from('192.0.2.5', '/auth/me', spoof(n))).statusCode, 401)
    t.equal((await from('192.0.2.5', '/auth/me', spoof(99))).statusCode, 429)
  })

  t.test('health is always told', async (t) => {
    for (let n = 0; n < 20; n += 1) t.equal((await from('192.0.2.6', '/livez')).statusCode, 200)
  })
})

t.test('behind a trusted proxy', async (t) => {
  const env = { AUTH_RATE_LIMIT_PER_IP: '5', AUTH_TRUST_PROXY: '10.0.0.0/8, 2001:db8::/32' }
  const { app } = await build(t, { env })
  const forwarded = (addresses: string, remoteAddress = '10.1.2.3') =>
    app.inject({ url: '/auth/me', remoteAddress, headers: { 'x-forwarded-for': addresses } })

  t.test('people behind it are told apart', async (t) => {
    for (let n = 0; n < 5; n += 1) t.equal((await forwarded('198.51.100.1')).statusCode, 401)
    t.equal((await forwarded('198.51.100.1')).statusCode, 429)
    t.equal((await forwarded('198.51.100.2')).statusCode, 401)
  })

  t.test('what a client puts before its own address is not believed', async (t) => {
    for (let n = 0; n < 5; n += 1) t.equal((await forwarded(`203.0.113.${n}, 198.51.100.3`)).statusCode, 401)
    t.equal((await forwarded('203.0.113.77, 198.51.100.3')).statusCode, 429)
  })

  t.test('from anywhere else the header is not believed', async (t) => {
    for (let n = 0; n < 5; n += 1) t.equal((await forwarded(`203.0.113.${n}`, '192.0.2.9')).statusCode, 401)
    t.equal((await forwarded('203.0.113.78', '192.0.2.9')).statusCode, 429)
  })
})

t.test('sign-ins, registrations and one-time links share a tighter limit', async (t) => {
  const { app } = await build(t, { env: { AUTH_LOGIN_LIMIT_PER_IP: '4' } })
  const post = (url: string, payload: object) =>
    app.inject({
      method: 'POST',
      url,
      payload,
      remoteAddress: '192.0.2.1',
      headers: { 'sec-fetch-site': 'same-origin' }
    })
  t.equal((await post('/auth/login', { email: 'a@example.com', password })).statusCode, 401)
  t.equal((await post('/auth/register', { email: 'a@example.com', password })).statusCode, 201)
  t.equal((await post('/auth/password/reset', { token: 'x', password })).statusCode, 400)
  t.equal((await post('/auth/login', {})).statusCode, 400, 'a malformed try counts')
  const refused = await post('/auth/login', { email: 'a@example.com', password })
  t.equal(refused.statusCode, 429)
  t.match(refused.headers['retry-after'], /^\d+$/)
  t.equal((await post('/auth/refresh', {})).statusCode, 401, 'a refresh is no sign-in')
})

t.test('a caller who leaves during a right sign-in holds up nobody', async (t) => {
  const { app, signUp } = await build(t, { env: { AUTH_LOGIN_LIMIT_PER_IP: '4' } })
  await signUp()
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const body = JSON.stringify({ email: 'ada@example.com', password })
  const head = `POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`
  for (let n = 0; n < 8; n += 1) {
    const left = once(app.server, 'request').then(([, response]) => once(response, 'close'))
    const socket = connect(port, '127.0.0.1', () =>
      socket.end(`${head}\r\n\r\n${body}`, () => socket.destroy())
    )
    await left
  }
  const login = () => app.inject({ method: 'POST', url: '/auth/login', payload: JSON.parse(body) })
  // Their tries count until they are decided, which is long before the minute is over.
  const deadline = performance.now() + 20_000
  while ((await login()).statusCode !== 200) {
    if (performance.now() > deadline) return t.fail('their tries still count')
    await setTimeout(20)
  }
  t.pass()
})
