import t from 'tap'
import { build, password, type Teardown } from '../harness/build.ts'
import { captureLog } from '../harness/log.ts'

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
