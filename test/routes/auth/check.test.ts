import t from 'tap'
import { requireEmail } from '../../../domain/accounts/email-address.ts'
import { newUser } from '../../../domain/accounts/registration.ts'
import type { Answer, Browser } from '../../harness/browser.ts'
import { build, password, type TestApp } from '../../harness/build.ts'
import { engines, postgres } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'
import { createTcpProxy } from '../../harness/tcp-proxy.ts'
import { register as registerMachine, tokenOf } from '../../oauth/machine.ts'

/** What an app behind a proxy would be told; header values are bytes, and these are UTF-8. */
function told({ headers }: Answer) {
  const names = Object.keys(headers).filter((name) => name.startsWith('remote-'))
  return Object.fromEntries(
    names.map((name) => [name, Buffer.from(String(headers[name]), 'latin1').toString('utf8')])
  )
}

async function register({ browser }: TestApp, email: string, name?: string) {
  const window = browser()
  const { status, body } = await window.post('/auth/register', { email, password, name })
  if (status !== 201) throw new Error(`could not register ${email}`)
  return { window, id: body.user.id as string }
}

/** A browser in which the owner of a verified address has just signed in. */
async function verified({ app, browser, clock }: TestApp, address: string): Promise<Browser> {
  const email = requireEmail(address)
  const passwordHash = await app.passwords.hasher.hash(password)
  await app.store.users.insert({ ...newUser(email, null, passwordHash, clock()), emailVerified: true })
  const window = browser()
  const { status } = await window.post('/auth/login', { email: address, password })
  if (status !== 200) throw new Error(`could not sign in ${address}`)
  return window
}

/** Counts how often an account is read from the database. */
function countReads({ app }: TestApp): () => number {
  const { find } = app.store.users
  let count = 0
  app.store.users.find = (id) => {
    count += 1
    return find(id)
  }
  return () => count
}

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const gatehouse = await build(t, { engine })
    const { app, browser, clock } = gatehouse
    const administrator = await gatehouse.setUp()

    async function withRoles(email: string, roles: string[]): Promise<Browser> {
      const { window, id } = await register(gatehouse, email)
      t.equal((await administrator.patch(`/admin/users/${id}`, { roles })).status, 200)
      t.equal((await window.post('/auth/refresh')).status, 200)
      return window
    }
    for (const [name, scope] of [
      ['buyer', 'orders:read orders:write'],
      ['press', 'news:write']
    ]) {
      t.equal((await administrator.post('/admin/roles', { name, scope })).status, 201)
    }

    await t.test('somebody signed in is 204 with who they are, and no cookie is touched', async (t) => {
      const { window, id } = await register(gatehouse, 'ada@example.com', 'Ada')
      const answer = await window.get('/auth/check')
      t.strictSame([answer.status, answer.text, answer.cookies], [204, '', []])
      t.strictSame(told(answer), {
        'remote-user': id,
        'remote-email': '',
        'remote-email-verified': 'false',
        'remote-name': 'Ada',
        'remote-roles': 'user',
        'remote-scope': ''
      })
      t.equal(answer.headers['cache-control'], 'no-store')
      t.equal(answer.headers['x-content-type-options'], 'nosniff')
    })

    await t.test('a bearer token says as much as the cookie', async (t) => {
      const { window } = await register(gatehouse, 'bearer@example.com', 'Bea')
      const bearer = await browser().get('/auth/check', { authorization: `Bearer ${window.value('access')}` })
      t.equal(bearer.status, 204)
      t.strictSame(told(bearer), told(await window.get('/auth/check')))
    })

    await t.test('without a token, or with a bad one, it is 401 and says nobody’s name', async (t) => {
      const forged = { authorization: 'Bearer nonsense' }
      const kinds: Array<Record<string, string>> = [
        {},
        forged,
        { ...forged, 'remote-user': 'root' },
        { cookie: 'access=x' }
      ]
      for (const headers of kinds) {
        const answer = await browser().get('/auth/check', headers)
        t.strictSame(refusalOf(answer), refusal(401, 'unauthorized'))
        t.strictSame(told(answer), {})
        t.equal(answer.headers['www-authenticate'], 'Bearer')
        t.equal(answer.headers['cache-control'], 'no-store')
      }
    })

    await t.test('all six headers are there, empty where there is nothing', async (t) => {
      const { window, id } = await register(gatehouse, 'nameless@example.com')
      t.strictSame(told(await window.get('/auth/check')), {
        'remote-user': id,
        'remote-email': '',
        'remote-email-verified': 'false',
        'remote-name': '',
        'remote-roles': 'user',
        'remote-scope': ''
      })
    })

    await t.test('names and addresses of any script arrive as UTF-8', async (t) => {
      const { window } = await register(gatehouse, 'zoe@example.com', 'Zoë 王 👑')
      const answer = await window.get('/auth/check')
      t.equal(told(answer)['remote-name'], 'Zoë 王 👑')
      const owner = await verified(gatehouse, 'zoë@пример.example')
      t.equal(told(await owner.get('/auth/check'))['remote-email'], 'zoë@xn--e1afmkfd.example')
    })

    await t.test('an address that is not verified is not told, whatever a client sends (F9)', async (t) => {
      const { window: impostor } = await register(gatehouse, 'ceo@example.com')
      const claim = { 'remote-email': 'ceo@example.com', 'remote-email-verified': 'true' }
      const answer = await impostor.get('/auth/check', claim)
      t.equal(answer.status, 204)
      t.match(told(answer), { 'remote-email': '', 'remote-email-verified': 'false' })
    })

    await t.test('a verified one is told, and that it is', async (t) => {
      const owner = await verified(gatehouse, 'owner@example.com')
      t.match(told(await owner.get('/auth/check')), {
        'remote-email': 'owner@example.com',
        'remote-email-verified': 'true'
      })
    })

    await t.test('a name with control characters, however it came to be, adds no header', async (t) => {
      const { window, id } = await register(gatehouse, 'broken@example.com')
      await app.store.users.setName(id, 'A\r\nRemote-Roles: admin\u0085\u007f')
      const answer = await window.get('/auth/check')
      t.equal(answer.status, 204)
      t.match(told(answer), { 'remote-name': /^A {2}Remote-Roles: admin *$/, 'remote-roles': 'user' })
    })

    await t.test('roles are told with commas, scope with spaces', async (t) => {
      const window = await withRoles('both@example.com', ['buyer', 'press'])
      t.match(told(await window.get('/auth/check')), {
        'remote-roles': 'buyer,press,user',
        'remote-scope': 'news:write orders:read orders:write'
      })
    })

    await t.test('every role and every scope asked for is required', async (t) => {
      const window = await withRoles('buyer@example.com', ['buyer'])
      const passes = [
        'role=buyer',
        'role=buyer+user',
        'role=user%20buyer',
        'scope=orders:read',
        'scope=orders:read+orders:write',
        'role=buyer&scope=orders:write'
      ]
      for (const query of passes) t.equal((await window.get(`/auth/check?${query}`)).status, 204, query)
      const refused = [
        'role=press',
        'role=buyer+press',
        'role=buye',
        'role=admin',
        'scope=news:write',
        'scope=orders:read+news:write',
        'scope=orders',
        'scope=*',
        'role=buyer&scope=news:write',
        'role=press&scope=orders:read'
      ]
      for (const query of refused) {
        const answer = await window.get(`/auth/check?${query}`)
        t.strictSame(refusalOf(answer), refusal(403, 'forbidden'), query)
        t.strictSame(told(answer), {}, query)
      }
    })

    await t.test('a question that is no question is 400, not a pass', async (t) => {
      const { window } = await register(gatehouse, 'slips@example.com')
      const slips = [
        'roles=user',
        'role=',
        'scope=',
        'role',
        'role=user,admin',
        'role=user++user',
        'role=+user',
        'role=user&role=admin',
        'role[]=user',
        'scope=a&scope=b',
        'scope=%22',
        'role=user&fresh=1'
      ]
      for (const query of slips) {
        const { status, body } = await window.get(`/auth/check?${query}`)
        t.strictSame([status, body?.code], [400, 'invalid_request'], query)
      }
      t.strictSame(refusalOf(await browser().get('/auth/check?roles=user')), refusal(401, 'unauthorized'))
    })

    await t.test('after a change of name it is token_stale, and a refresh brings the new one', async (t) => {
      const { window } = await register(gatehouse, 'renamed@example.com', 'Before')
      const behind = window.clone()
      t.equal(told(await window.get('/auth/check'))['remote-name'], 'Before')
      t.equal((await window.patch('/auth/me', { name: 'After' })).status, 200)
      t.equal(told(await window.get('/auth/check'))['remote-name'], 'After')
      t.strictSame(refusalOf(await behind.get('/auth/check')), refusal(401, 'token_stale'))
      t.equal((await behind.post('/auth/refresh')).status, 200)
      t.equal(told(await behind.get('/auth/check'))['remote-name'], 'After')
    })

    await t.test('a session that ended and an account that is disabled or deleted are 401', async (t) => {
      const ways: Array<[string, (window: Browser, id: string) => Promise<Answer>]> = [
        ['signed-out', (window) => window.post('/auth/logout')],
        ['disabled', (_, id) => administrator.patch(`/admin/users/${id}`, { disabled: true })],
        ['deleted', (_, id) => administrator.delete(`/admin/users/${id}`)]
      ]
      for (const [way, end] of ways) {
        const { window, id } = await register(gatehouse, `${way}@example.com`)
        const before = window.clone()
        t.equal((await before.get('/auth/check')).status, 204)
        t.match(await end(window, id), { status: /^20[04]$/ })
        t.strictSame(refusalOf(await before.get('/auth/check')), refusal(401, 'unauthorized'), way)
      }
    })

    await t.test('an account gone from the database before its revocation was read is 401', async (t) => {
      const { window, id } = await register(gatehouse, 'gone@example.com')
      await app.store.users.delete(id)
      t.strictSame(refusalOf(await window.get('/auth/check')), refusal(401, 'unauthorized'))
    })

    await t.test('an expired token is 401', async (t) => {
      const { window } = await register(gatehouse, 'expired@example.com')
      clock.advance(306_000)
      t.strictSame(refusalOf(await window.get('/auth/check')), refusal(401, 'unauthorized'))
      await administrator.post('/auth/refresh')
    })

    await t.test('Remote headers that come in have no effect', async (t) => {
      const { window } = await register(gatehouse, 'spoof@example.com')
      const spoofed = { 'remote-user': 'root', 'remote-roles': 'admin', 'remote-scope': 'users:read' }
      t.strictSame(told(await window.get('/auth/check', spoofed)), told(await window.get('/auth/check')))
      t.equal((await window.get('/auth/check?role=admin', spoofed)).status, 403)
      t.equal((await window.get('/admin/users', spoofed)).status, 403)
      t.equal((await browser().get('/auth/me', spoofed)).status, 401)
    })

    await t.test('it is asked by GET alone', async (t) => {
      const { window } = await register(gatehouse, 'methods@example.com')
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'] as const) {
        const answer = await window.request(method, '/auth/check')
        t.strictSame(refusalOf(answer), refusal(405, 'method_not_allowed'), method)
        t.equal(answer.headers.allow, 'GET, HEAD')
      }
    })
  })
}

t.test(
  'with AUTH_FORWARD_UNVERIFIED_EMAIL=on every address is told, and whether it is verified',
  async (t) => {
    const gatehouse = await build(t, { env: { AUTH_FORWARD_UNVERIFIED_EMAIL: 'on' } })
    const { window } = await register(gatehouse, 'ada@example.com')
    t.match(told(await window.get('/auth/check')), {
      'remote-email': 'ada@example.com',
      'remote-email-verified': 'false'
    })
  }
)

t.test('a machine has no address', async (t) => {
  const gatehouse = await build(t, { env: { AUTH_FORWARD_UNVERIFIED_EMAIL: 'on' } })
  const machine = await registerMachine(gatehouse)
  const bearer = { authorization: `Bearer ${await tokenOf(gatehouse, machine)}` }
  const answer = await gatehouse.browser({}).get('/auth/check', bearer)
  t.strictSame(told(answer), {
    'remote-user': machine.id,
    'remote-email': '',
    'remote-email-verified': 'false',
    'remote-name': '',
    'remote-roles': '',
    'remote-scope': 'a b'
  })
})

t.test(
  'the first question reads the account once, however many ask at once, and later ones never',
  async (t) => {
    const gatehouse = await build(t)
    for (let round = 0; round < 5; round += 1) {
      const { window } = await register(gatehouse, `round${round}@example.com`, 'Ada')
      const reads = countReads(gatehouse)
      const answers = await Promise.all(Array.from({ length: 50 }, () => window.get('/auth/check')))
      t.ok(answers.every(({ status, headers }) => status === 204 && headers['remote-name'] === 'Ada'))
      await window.get('/auth/check?role=user')
      t.equal(reads(), 1)
    }
  }
)

t.test('a reading that failed is 503 and not remembered', { skip: postgres.missing }, async (t) => {
  const { url, remove } = await postgres.create()
  t.teardown(remove)
  const target = new URL(url)
  const wire = await createTcpProxy({ host: target.hostname, port: Number(target.port || 5432) })
  t.teardown(() => wire.close())
  const wired = new URL(url)
  wired.hostname = '127.0.0.1'
  wired.port = String(wire.port)
  const gatehouse = await build(t, { env: { DATABASE_URL: wired.href } })
  const { window } = await register(gatehouse, 'ada@example.com', 'Ada')
  const { window: unread } = await register(gatehouse, 'bob@example.com', 'Bob')
  t.equal((await window.get('/auth/check')).status, 204)

  wire.cut()
  t.strictSame(refusalOf(await unread.get('/auth/check')), refusal(503, 'unavailable'))
  t.equal((await window.get('/auth/check')).status, 204, 'who was read before is known')
  wire.mend()
  const deadline = performance.now() + 5000
  let answer = await unread.get('/auth/check')
  while (answer.status === 503 && performance.now() < deadline) answer = await unread.get('/auth/check')
  t.strictSame([answer.status, answer.headers['remote-name']], [204, 'Bob'])
})

t.test('questions do not count against the limit by address', async (t) => {
  const gatehouse = await build(t, { env: { AUTH_RATE_LIMIT_PER_IP: '5' } })
  const window = await gatehouse.signUp()
  for (let n = 0; n < 20; n += 1) t.equal((await window.get('/auth/check')).status, 204)
  for (let n = 0; n < 20; n += 1) t.equal((await gatehouse.browser().get('/auth/check')).status, 401)
})

t.test('a CORS preflight that a trusted proxy reports', async (t) => {
  const gatehouse = await build(t, { env: { AUTH_TRUST_PROXY: '192.0.2.0/24' } })
  const { window } = await register(gatehouse, 'ada@example.com', 'Ada')
  const cookie = `access=${window.value('access')}; session=${window.value('session')}`
  const preflight: Record<string, string> = {
    'x-forwarded-method': 'OPTIONS',
    origin: 'https://app.example.com',
    'access-control-request-method': 'POST'
  }
  const ask = (headers: Record<string, string>, query = '?preflight=pass', remoteAddress = '192.0.2.7') =>
    gatehouse.app.inject({ url: `/auth/check${query}`, headers, remoteAddress })

  t.test('passes without a credential, and identifies nobody, whoever asks', async (t) => {
    for (const headers of [preflight, { ...preflight, cookie }, { ...preflight, 'remote-user': 'root' }]) {
      for (const query of ['?preflight=pass', '?preflight=pass&', '?preflight=pass&role=admin']) {
        const reply = await ask(headers, query)
        t.strictSame([reply.statusCode, reply.body], [204, ''])
        const remote = Object.entries(reply.headers).filter(([name]) => name.startsWith('remote-'))
        t.strictSame([remote.length, new Set(remote.map(([, value]) => value))], [6, new Set([''])])
      }
    }
  })

  t.test('passes only if the proxy asks for that', async (t) => {
    for (const query of ['', '?role=user']) t.equal((await ask(preflight, query)).statusCode, 401, query)
    for (const query of [
      '?preflight=',
      '?preflight=on',
      '?preflight=pass&roles=x',
      '?preflight=pass&preflight=pass'
    ])
      t.equal((await ask(preflight, query)).statusCode, 401, query)
  })

  t.test('does not pass from a peer that is not trusted, whatever it forwards', async (t) => {
    for (const headers of [preflight, { ...preflight, 'x-forwarded-for': '192.0.2.7' }])
      t.equal((await ask(headers, undefined, '198.51.100.1')).statusCode, 401)
  })

  t.test('is an OPTIONS request with both headers of a preflight, and nothing else is', async (t) => {
    const methods = ['GET', 'POST', 'HEAD', 'options', 'OPTIONS, GET', 'GET, OPTIONS', 'OPTIONS ,', '']
    for (const method of methods)
      t.equal((await ask({ ...preflight, 'x-forwarded-method': method })).statusCode, 401, method)
    for (const name of Object.keys(preflight)) {
      const { [name]: _left, ...others } = preflight
      t.equal((await ask(others)).statusCode, 401, `without ${name}`)
    }
    const beside = { 'x-http-method-override': 'OPTIONS', 'x-original-method': 'OPTIONS' }
    const { 'x-forwarded-method': _method, ...others } = preflight
    t.equal((await ask({ ...others, ...beside })).statusCode, 401)
  })

  t.test('that is none is checked as ever', async (t) => {
    const reply = await ask({ 'x-forwarded-method': 'GET', cookie })
    t.equal(reply.statusCode, 204)
    t.equal(reply.headers['remote-name'], 'Ada')
    t.equal(
      (await ask({ 'x-forwarded-method': 'GET', cookie }, '?preflight=pass&role=admin')).statusCode,
      403
    )
  })
})

t.test('without a trusted proxy no preflight passes', async (t) => {
  const { app } = await build(t)
  const headers = {
    'x-forwarded-method': 'OPTIONS',
    origin: 'https://app.example.com',
    'access-control-request-method': 'POST'
  }
  t.equal((await app.inject({ url: '/auth/check?preflight=pass', headers })).statusCode, 401)
})
