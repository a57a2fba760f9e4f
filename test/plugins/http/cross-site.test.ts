import t from 'tap'
import type { Browser } from '../../harness/browser.ts'
import { build, password } from '../../harness/build.ts'
import { captureLog } from '../../harness/log.ts'

const spa = 'http://localhost:5173'

t.test('cross-site defence', async (t) => {
  const { browser, signUp } = await build(t, { env: { AUTH_ALLOWED_ORIGINS: spa } })
  const ada = await signUp()

  /** The same cookies in a client that sends these headers and no others. */
  function clientWith(headers: Record<string, string>): Browser {
    const client = browser(headers)
    for (const [name, cookie] of ada.cookies) client.cookies.set(name, cookie)
    return client
  }

  const foreign: Array<[string, Record<string, string>]> = [
    ['a foreign origin', { origin: 'https://evil.example' }],
    ['an origin of null', { origin: 'null' }],
    ['a look-alike origin', { origin: 'http://localhost:3000.evil.example' }],
    ['the right host by another scheme', { origin: 'https://localhost:3000' }],
    ['Sec-Fetch-Site cross-site', { 'sec-fetch-site': 'cross-site' }],
    ['Sec-Fetch-Site same-site', { 'sec-fetch-site': 'same-site' }],
    ['Sec-Fetch-Site none', { 'sec-fetch-site': 'none' }],
    ['a made-up Sec-Fetch-Site', { 'sec-fetch-site': 'same-origin, cross-site' }],
    ['neither header and no token', {}],
    ['neither header and a wrong token', { 'x-csrf-token': 'x' }]
  ]

  for (const [why, headers] of foreign) {
    t.test(`refuses a request with cookies and ${why}, and changes nothing`, async (t) => {
      const client = clientWith(headers)
      for (const [method, url, body] of [
        ['POST', '/auth/refresh', undefined],
        ['POST', '/auth/logout', undefined],
        ['POST', '/auth/logout-all', undefined],
        ['POST', '/auth/login', { email: 'ada@example.com', password }],
        ['POST', '/auth/register', { email: 'eve@example.com', password }],
        ['PATCH', '/auth/me', { name: 'Eve' }],
        ['PUT', '/auth/password', { currentPassword: password, newPassword: 'another fine day at sea' }],
        ['DELETE', '/auth/me', undefined]
      ] as const) {
        const { status, body: problem, cookies } = await client.request(method, url, body)
        t.equal(status, 403, `${method} ${url}`)
        t.equal(problem.code, 'cross_site_request')
        t.strictSame(cookies, [])
      }
      t.match((await ada.get('/auth/me')).body, { user: { name: null } })
    })
  }

  t.test('lets its own pages, allowed origins and token holders through', async (t) => {
    const { csrfToken } = (await ada.get('/auth/csrf')).body
    const welcome: Array<Record<string, string>> = [
      { 'sec-fetch-site': 'same-origin' },
      { origin: 'http://localhost:3000' },
      { origin: spa, 'sec-fetch-site': 'same-site' },
      { origin: spa, 'sec-fetch-site': 'cross-site' },
      { 'x-csrf-token': csrfToken }
    ]
    for (const headers of welcome) {
      t.equal(
        (await clientWith(headers).patch('/auth/me', { name: 'Ada' })).status,
        200,
        JSON.stringify(headers)
      )
      t.equal((await ada.post('/auth/refresh')).status, 200)
    }
  })

  t.test('a CSRF token is its own session’s and no other’s', async (t) => {
    const eve = await signUp('eve2@example.com')
    const { csrfToken } = (await eve.get('/auth/csrf')).body
    t.equal((await clientWith({ 'x-csrf-token': csrfToken }).patch('/auth/me', { name: 'Eve' })).status, 403)
  })

  t.test('a CSRF token comes with a session only', async (t) => {
    const { status, body } = await browser().get('/auth/csrf')
    t.equal(status, 401)
    t.equal(body.code, 'unauthorized')
  })

  t.test('a sign-in without cookies needs neither header: nobody’s authority is borrowed', async (t) => {
    t.equal((await browser({}).post('/auth/login', { email: 'ada@example.com', password })).status, 200)
  })

  t.test('with a bearer token no cookie counts and no cross-site check applies', async (t) => {
    for (const token of [ada.value('access'), 'x']) {
      const client = clientWith({ origin: 'https://evil.example', authorization: `Bearer ${token}` })
      const { status, body } = await client.patch('/auth/me', { name: 'Eve' })
      t.strictSame([status, body.code], [401, 'unauthorized'])
    }
    t.equal(
      (await clientWith({ authorization: 'Bearer x' }).post('/auth/refresh')).body.code,
      'invalid_session'
    )
    t.equal((await ada.post('/auth/refresh')).status, 200)
  })

  t.test('beside another scheme the cookies count, and so does where the request comes from', async (t) => {
    for (const authorization of ['Basic YTpi', 'Negotiate YII', 'Token abc', 'Bearerish x', '']) {
      const here = clientWith({ 'sec-fetch-site': 'same-origin', authorization })
      t.equal((await here.patch('/auth/me', { name: 'Ada' })).status, 200, authorization)
      t.equal((await ada.post('/auth/refresh', undefined, { authorization })).status, 200, authorization)
      const elsewhere = clientWith({ origin: 'https://evil.example', authorization })
      const { status, body } = await elsewhere.patch('/auth/me', { name: 'Eve' })
      t.strictSame([status, body.code], [403, 'cross_site_request'], authorization)
    }
  })

  t.test('unsafe actions are not to be had by safe methods', async (t) => {
    for (const url of [
      '/auth/refresh',
      '/auth/logout',
      '/auth/logout-all',
      '/auth/login',
      '/auth/register'
    ]) {
      for (const method of ['GET', 'HEAD'] as const) {
        const { status, headers } = await ada.request(method, url)
        t.equal(status, 405, `${method} ${url}`)
        t.equal(headers.allow, 'POST')
      }
    }
    t.equal((await ada.post('/auth/refresh')).status, 200)
  })

  t.test('CORS opens the door to allowed origins, with credentials, and to nobody else', async (t) => {
    const preflight = (origin: string) =>
      browser({ origin, 'access-control-request-method': 'POST' }).request('OPTIONS', '/auth/login')
    const allowed = await preflight(spa)
    t.equal(allowed.status, 204)
    t.match(allowed.headers, {
      'access-control-allow-origin': spa,
      'access-control-allow-credentials': 'true',
      vary: /Origin/
    })
    t.strictSame(String(allowed.headers['access-control-allow-headers']).split(', ').sort(), [
      'authorization',
      'baggage',
      'content-type',
      'sentry-trace',
      'traceparent',
      'tracestate',
      'x-csrf-token',
      'x-requested-with'
    ])
    for (const origin of ['https://evil.example', 'null', `${spa}.evil.example`, 'https://localhost:5173']) {
      t.equal((await preflight(origin)).headers['access-control-allow-origin'], undefined, origin)
      const { headers } = await browser({ origin }).get('/livez')
      t.equal(headers['access-control-allow-origin'], undefined, origin)
    }
  })
})

t.test('AUTH_CORS_HEADERS adds to the headers that a preflight allows', async (t) => {
  const env = { AUTH_ALLOWED_ORIGINS: spa, AUTH_CORS_HEADERS: 'X-Request-Source, x-datadog-trace-id' }
  const { browser } = await build(t, { env })
  const { headers } = await browser({
    origin: spa,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type,x-datadog-trace-id,x-request-source'
  }).request('OPTIONS', '/auth/login')
  const allowed = String(headers['access-control-allow-headers']).toLowerCase().split(', ')
  for (const name of ['x-request-source', 'x-datadog-trace-id', 'content-type', 'x-csrf-token'])
    t.ok(allowed.includes(name), name)
  t.notOk(allowed.includes('*'))
})

const NATIVE_ORIGINS = [
  'capacitor://localhost',
  'ionic://localhost',
  'tauri://localhost',
  'http://tauri.localhost',
  'https://tauri.localhost',
  'chrome-extension://abcdefghijklmnopabcdefghijklmnop',
  'moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc'
]

t.test('an app shell or an extension whose origin is allowed may call, and no other', async (t) => {
  const [allowed, others] = [NATIVE_ORIGINS.slice(0, -1), NATIVE_ORIGINS.slice(-1)]
  const { browser, signUp } = await build(t, { env: { AUTH_ALLOWED_ORIGINS: allowed.join(',') } })
  await signUp()
  const login = (origin: string) =>
    browser({ origin, 'sec-fetch-site': 'cross-site' }).post('/auth/login', {
      email: 'ada@example.com',
      password
    })
  for (const origin of allowed) {
    const { status, headers } = await login(origin)
    t.equal(status, 200, origin)
    t.match(headers, { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true' })
  }
  // `URL` gives all of these the origin `null`.
  const imitations = [
    'null',
    'tauri://evil',
    'capacitor://localhost.evil',
    'chrome-extension://abc',
    ...others
  ]
  for (const origin of imitations) {
    const { status, headers } = await login(origin)
    t.equal(status, 403, origin)
    t.equal(headers['access-control-allow-origin'], undefined, origin)
  }
})

t.test('the log names an extension that is not allowed', async (t) => {
  const { log, lines } = captureLog()
  const { browser } = await build(t, { log })
  const origin = NATIVE_ORIGINS.at(-1) as string
  await browser({ origin }).post('/auth/logout')
  const named = `the origin ${origin} is not allowed: AUTH_ALLOWED_ORIGINS does not contain it`
  t.ok(lines.some(({ err }) => err?.message === named))
})

t.test('without allowed origins there is no CORS at all', async (t) => {
  const { browser } = await build(t)
  const { status, headers } = await browser({ origin: spa, 'access-control-request-method': 'POST' }).request(
    'OPTIONS',
    '/auth/login'
  )
  t.equal(status, 405)
  t.equal(headers['access-control-allow-origin'], undefined)
})

t.test('the log names an origin that is not allowed, and the setting that would allow it', async (t) => {
  const { log, lines } = captureLog()
  const { browser } = await build(t, { log, env: { AUTH_ALLOWED_ORIGINS: spa } })
  const said = () => lines.splice(0).map(({ msg, err }) => err?.message ?? msg)
  const named = 'the origin https://app.example.com is not allowed: AUTH_ALLOWED_ORIGINS does not contain it'

  for (const method of ['GET', 'OPTIONS', 'POST'] as const) {
    await browser({ origin: 'https://app.example.com' }).request(method, '/auth/logout')
    t.ok(said().includes(named), method)
  }
  await browser({ origin: 'https://app.example.com/a-secret' }).post('/auth/logout')
  t.ok(
    said().includes(named.replace('https://app.example.com', 'that it names')),
    'but nothing else that a caller writes'
  )
  await browser({ origin: spa }).post('/auth/logout')
  t.notOk(said().some((line) => line.includes('not allowed')))
})
