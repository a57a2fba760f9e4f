import { decodeJwt } from 'jose'
import t from 'tap'
import type { ReceivedCookie } from '../harness/browser.ts'
import { build, password } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'
import { refusal, refusalOf } from '../harness/refusal.ts'

const SECOND = 1000
const HOUR = 3_600_000
const DAY = 24 * HOUR
const IDLE = 24 * HOUR
const ABSOLUTE = 30 * DAY
const ACCESS = 5 * 60 * SECOND
const LEEWAY = 5 * SECOND

/** Of the session's own cookies; that of the device outlives it: test/routes/auth/device-cookie.test.ts. */
const maxAges = (cookies: ReceivedCookie[]) =>
  Object.fromEntries(
    cookies
      .filter(({ name }) => name !== 'device')
      .map(({ name, maxAge, expires }) => [name, maxAge ?? expires])
  )

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const gatehouse = await build(t, { engine })
    const { clock } = gatehouse

    await t.test(
      'an access token is refused once it has expired, and a refresh brings a new one',
      async (t) => {
        const window = await gatehouse.signUp('access@example.com')
        clock.advance(ACCESS)
        t.equal((await window.get('/auth/me')).status, 200, 'a few seconds of leeway')
        clock.advance(LEEWAY)
        t.strictSame(refusalOf(await window.get('/auth/me')), refusal(401, 'unauthorized'))
        t.equal((await window.post('/auth/refresh')).status, 200)
        t.equal((await window.get('/auth/me')).status, 200)
      }
    )

    await t.test('a session that was not refreshed for the idle time has ended', async (t) => {
      const idle = await gatehouse.signUp('idle@example.com')
      const used = gatehouse.browser()
      await used.post('/auth/login', { email: 'idle@example.com', password })
      clock.advance(IDLE - 1)
      t.equal((await used.post('/auth/refresh')).status, 200, 'a moment before it is live')
      clock.advance(1)
      t.strictSame(refusalOf(await idle.post('/auth/refresh')), refusal(401, 'invalid_session'))
      t.strictSame(
        refusalOf(await idle.post('/auth/refresh')),
        refusal(401, 'invalid_session'),
        'and stays so'
      )
      t.equal((await used.get('/auth/sessions')).body.items.length, 1, 'it is not listed any more')
      t.equal((await used.post('/auth/refresh')).status, 200, 'each refresh starts the idle time anew')
    })

    await t.test('the absolute end is never moved by refreshing', async (t) => {
      const window = await gatehouse.signUp('absolute@example.com')
      const { session } = (await window.get('/auth/me')).body
      const end = clock() + ABSOLUTE
      t.equal(session.expiresAt, new Date(end).toISOString())
      while (clock() + 23 * HOUR < end) {
        clock.advance(23 * HOUR)
        const { status, body } = await window.post('/auth/refresh')
        t.equal(status, 200)
        t.strictSame(body.session, session, 'neither end nor sign-in time moves')
      }
      clock.advance(end - clock() - SECOND)
      t.equal((await window.post('/auth/refresh')).status, 200, 'a second before it is live')
      t.equal(decodeJwt(window.value('access')).exp, Math.floor(end / SECOND), 'no access token outlives it')
      clock.advance(SECOND)
      t.strictSame(refusalOf(await window.post('/auth/refresh')), refusal(401, 'invalid_session'))
    })

    await t.test('a session that ended stays dead when its revocation has been forgotten', async (t) => {
      const window = await gatehouse.signUp('forgotten@example.com')
      const old = window.clone()
      await window.post('/auth/logout')
      clock.advance(2 * HOUR)
      await gatehouse.app.revocations.poll()
      t.strictSame(refusalOf(await old.get('/auth/me')), refusal(401, 'unauthorized'))
      t.strictSame(refusalOf(await old.post('/auth/refresh')), refusal(401, 'invalid_session'))
    })

    await t.test('cookies end with the browser unless the login said remember', async (t) => {
      await gatehouse.signUp('remember@example.com')
      const window = gatehouse.browser()
      const login = await window.post('/auth/login', { email: 'remember@example.com', password })
      t.strictSame(maxAges(login.cookies), { access: undefined, refresh: undefined, session: undefined })
      const refreshed = await window.post('/auth/refresh')
      t.strictSame(maxAges(refreshed.cookies), { access: undefined, refresh: undefined, session: undefined })
    })

    await t.test('remembered cookies live for what the session has left, and no longer', async (t) => {
      const window = gatehouse.browser()
      const credentials = { email: 'remember@example.com', password, remember: true }
      const login = await window.post('/auth/login', credentials)
      const whole = ABSOLUTE / SECOND
      t.strictSame(maxAges(login.cookies), { access: whole, refresh: whole, session: whole })
      clock.advance(HOUR)
      const refreshed = await window.post('/auth/refresh')
      const left = whole - 3600
      t.strictSame(maxAges(refreshed.cookies), { access: left, refresh: left, session: left })
      const renamed = await window.patch('/auth/me', { name: 'Ada' })
      t.strictSame(maxAges(renamed.cookies), { access: left })
    })
  })
}

t.test(
  'what was revoked stays so where AUTH_ACCESS_TTL was shortened since the token was issued',
  async (t) => {
    const before = await build(t, { env: { AUTH_ACCESS_TTL: '1h' } })
    const ada = await before.signUp()
    const { app } = await build(t, { env: { ...before.env, AUTH_ACCESS_TTL: '5m' }, clock: before.clock })
    const headers = { authorization: `Bearer ${ada.value('access')}` }
    const status = async () => (await app.inject({ url: '/auth/check', headers })).statusCode
    t.equal(await status(), 204)
    await ada.post('/auth/logout')
    for (const minutes of [0, 7, 45]) {
      before.clock.advance(minutes * 60 * SECOND)
      await app.revocations.poll()
      t.equal(await status(), 401, `${minutes} minutes later`)
    }
  }
)
