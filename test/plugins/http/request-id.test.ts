import t from 'tap'
import { build, password } from '../../harness/build.ts'
import { captureLog } from '../../harness/log.ts'

const PROXY = '10.1.2.3'
const GIVEN = '7f3b0c9a-trace-0001'
const OWN = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

t.test('the id of a request', async (t) => {
  const { log, lines } = captureLog()
  const env = { AUTH_TRUST_PROXY: '10.0.0.0/8, 2001:db8::/32, 192.0.2.1' }
  const { app, setUp } = await build(t, { env, log })
  const root = await setUp()
  const idOf = async (remoteAddress: string, given?: string | string[]) => {
    const headers = given === undefined ? {} : { 'x-request-id': given }
    return (await app.inject({ url: '/livez', remoteAddress, headers })).headers['x-request-id']
  }

  t.test('is taken from a trusted proxy', async (t) => {
    for (const address of [PROXY, '2001:db8::7', '192.0.2.1', '::ffff:10.9.9.9']) {
      t.equal(await idOf(address, GIVEN), GIVEN, address)
    }
  })

  t.test('is a new one for anybody else', async (t) => {
    for (const address of ['192.0.2.2', '203.0.113.5', '2001:db9::7', '::ffff:11.9.9.9']) {
      t.match(await idOf(address, GIVEN), OWN, address)
    }
  })

  t.test('is a new one where the proxy’s is none', async (t) => {
    const wrong = [
      undefined,
      '',
      'short',
      'x'.repeat(65),
      'with space',
      'a;b=c;d=e',
      'line\nfeed',
      '{"json":1}'
    ]
    for (const given of wrong) t.match(await idOf(PROXY, given), OWN, String(given))
    t.match(await idOf(PROXY, [GIVEN, GIVEN]), OWN)
  })

  t.test('is the same in the reply’s header, the problem, the log and the audit', async (t) => {
    const answer = await app.inject({
      method: 'POST',
      url: '/auth/login',
      remoteAddress: PROXY,
      headers: { 'x-request-id': GIVEN },
      payload: { email: 'nobody@example.com', password }
    })
    t.equal(answer.statusCode, 401)
    t.equal(answer.headers['x-request-id'], GIVEN)
    t.equal(answer.json().requestId, GIVEN)
    const { body } = await root.get('/admin/audit?type=login.failed')
    t.equal(body.items[0].requestId, GIVEN)
    t.strictSame(
      lines
        .filter(({ requestId }) => requestId === GIVEN)
        .map(({ msg }) => msg)
        .slice(-3),
      ['login.failed', 'refused', 'answered']
    )
  })

  t.test('is told where no route is met, and where the address is none', async (t) => {
    for (const url of ['/nowhere', '/%c0', `/auth/${'x'.repeat(200)}`]) {
      const answer = await app.inject({ url, remoteAddress: PROXY, headers: { 'x-request-id': GIVEN } })
      t.equal(answer.headers['x-request-id'], GIVEN, url)
      t.equal(answer.json().requestId, GIVEN, url)
    }
  })
})

t.test('without trusted proxies nobody’s id is taken', async (t) => {
  const { app } = await build(t)
  const { headers } = await app.inject({ url: '/livez', headers: { 'x-request-id': GIVEN } })
  t.match(headers['x-request-id'], OWN)
})
