import t from 'tap'
import { build, password } from '../../harness/build.ts'

const always = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': /default-src 'none'.*frame-ancestors 'none'/,
  'cache-control': 'no-store'
}

for (const [mode, env] of [
  ['https', { AUTH_ISSUER: 'https://auth.example.com' }],
  ['http on loopback', {}]
] as const) {
  t.test(`every reply carries them: ${mode}`, async (t) => {
    const { browser } = await build(t, { env: { ...env, AUTH_LOGIN_LIMIT_PER_IP: '2' } })
    const ada = browser()
    const answers = [
      await ada.post('/auth/register', { email: 'ada@example.com', password }),
      await ada.get('/auth/me'),
      await ada.get('/livez'),
      await browser().get('/auth/me'),
      await ada.get('/admin/users'),
      await ada.get('/nope'),
      await ada.put('/auth/me'),
      await ada.post('/auth/login', {}),
      await ada.post('/auth/login', 'x', { 'content-type': 'text/plain' }),
      await ada.post('/auth/login', {}),
      await browser({ origin: 'https://evil.example' }).post('/auth/login', {}),
      await ada.post('/auth/logout')
    ]
    t.strictSame(
      answers.map(({ status }) => status),
      [201, 200, 200, 401, 403, 404, 405, 400, 415, 429, 403, 204]
    )
    for (const { headers, status } of answers) {
      t.match(headers, always, String(status))
      t.equal(
        headers['strict-transport-security'],
        'strict' in env || mode === 'https' ? 'max-age=31536000; includeSubDomains' : undefined
      )
      t.equal(headers.server, undefined)
      t.equal(headers['x-powered-by'], undefined)
      t.equal(headers.location, undefined)
    }
  })
}

t.test('a page that wants to send its visitor elsewhere gets nowhere', async (t) => {
  const { signUp } = await build(t)
  const ada = await signUp()
  for (const name of ['next', 'redirect', 'return_to', 'callbackURL', 'callback', 'jsonp']) {
    const { status, headers } = await ada.get(`/auth/me?${name}=//evil.example`)
    t.equal(headers.location, undefined)
    t.ok(status === 200 || status === 400)
    t.match(headers['content-type'], /^application\/(problem\+)?json; charset=utf-8$/)
  }
})
