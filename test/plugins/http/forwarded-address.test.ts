import t from 'tap'
import { build, password, type Teardown } from '../../harness/build.ts'
import { captureLog } from '../../harness/log.ts'

const CLIENT = '198.51.100.7'
const PROXY = '10.1.2.3'
const NOBODY = '203.0.113.66'

/** Where somebody comes from who signs in through `remoteAddress`, as each of those who write it down has it. */
async function addressesOf(t: Teardown, env: Record<string, string>, remoteAddress: string) {
  const { log, lines } = captureLog()
  const { app, setUp } = await build(t, { env, log })
  await setUp('root@example.com')
  const headers = {
    'sec-fetch-site': 'same-origin',
    'x-forwarded-for': `${NOBODY}, ${CLIENT}`,
    'x-real-ip': NOBODY,
    forwarded: `for=${NOBODY}`,
    'remote-user': 'root',
    'remote-addr': NOBODY
  }
  const login = await app.inject({
    method: 'POST',
    url: '/auth/login',
    remoteAddress,
    headers,
    payload: { email: 'root@example.com', password }
  })
  const cookies = Object.fromEntries(login.cookies.map(({ name, value }) => [name, value]))
  const read = async (url: string) => (await app.inject({ url, cookies })).json().items
  const [, session] = await read('/auth/sessions')
  const [event] = await read('/admin/audit?type=login.succeeded')
  const answered = lines.find(({ msg, route }) => msg === 'answered' && route === '/auth/login')
  return { session: session.ip, audit: event.ip, log: answered?.ip }
}

t.test('a trusted proxy’s word is where a request comes from, but not what stands before it', async (t) => {
  const env = { AUTH_TRUST_PROXY: '10.0.0.0/8' }
  t.strictSame(await addressesOf(t, env, PROXY), { session: CLIENT, audit: CLIENT, log: CLIENT })
})

t.test('from anybody else it is the address of the connection', async (t) => {
  const env = { AUTH_TRUST_PROXY: '10.0.0.0/8' }
  const own = '192.0.2.9'
  t.strictSame(await addressesOf(t, env, own), { session: own, audit: own, log: own })
})

t.test('where no proxy is trusted it is the address of the connection', async (t) => {
  t.strictSame(await addressesOf(t, {}, PROXY), { session: PROXY, audit: PROXY, log: PROXY })
})

t.test('what is no IP address counts as the proxy, for everybody who writes it down', async (t) => {
  const { log, lines } = captureLog()
  const env = { AUTH_TRUST_PROXY: '10.0.0.0/8', AUTH_LOGIN_LIMIT_PER_IP: '5' }
  const { app, browser } = await build(t, { env, log })
  const tryFrom = async (forwarded: string) => {
    const answer = await app.inject({
      method: 'POST',
      url: '/auth/login',
      remoteAddress: PROXY,
      headers: { 'sec-fetch-site': 'same-origin', 'x-forwarded-for': forwarded },
      payload: { email: 'root@example.com', password }
    })
    return answer.statusCode
  }
  const FIVE_THEN_REFUSED = [401, 401, 401, 401, 401, 429, 429]

  await t.test('a port changes nothing: the limit is that of the address', async (t) => {
    const statuses = []
    for (let port = 50_000; port < 50_007; port += 1) statuses.push(await tryFrom(`203.0.113.6:${port}`))
    t.strictSame(statuses, FIVE_THEN_REFUSED)
    const sixth = []
    for (let port = 1; port < 8; port += 1) sixth.push(await tryFrom(`[2a00::7]:${port}`))
    t.strictSame(sixth, FIVE_THEN_REFUSED)
  })

  await t.test('made-up text is one address, the proxy’s, and one warning', async (t) => {
    const statuses = []
    for (let n = 0; n < 7; n += 1) statuses.push(await tryFrom(`garbage${n}`))
    t.strictSame(statuses, FIVE_THEN_REFUSED)
    const warnings = lines.filter(({ msg }) => String(msg).startsWith('X-Forwarded-For'))
    t.equal(warnings.length, 1)
    t.equal(warnings[0]?.level, 'warn')
    const addresses = new Set(lines.flatMap(({ ip }) => (ip === undefined ? [] : [ip])))
    t.strictSame(addresses, new Set(['203.0.113.6', '2a00::7', PROXY]))
    t.notMatch(JSON.stringify(lines), 'garbage')
  })

  await t.test('an address of both families is the same as in its own', async (t) => {
    const { headers } = await app.inject({ url: '/auth/me', remoteAddress: '::ffff:198.51.100.9' })
    t.ok(headers)
    t.ok(lines.some(({ ip }) => ip === '198.51.100.9'))
    t.equal((await browser().get('/livez')).status, 200)
  })
})
