import { decodeJwt } from 'jose'
import t from 'tap'
import { build, password } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'

const FRESH = 10 * 60_000
const NOBODYS = '/auth/sessions/01900000-0000-7000-8000-000000000000'

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const gatehouse = await build(t, { engine })
    const { clock } = gatehouse

    await t.test('a sign-in that is no longer recent is renewed by the password', async (t) => {
      const window = await gatehouse.signUp('ada@example.com')
      const { user, session } = (await window.get('/auth/me')).body
      clock.advance(FRESH + 1000)
      await window.post('/auth/refresh')
      t.strictSame(refusalOf(await window.delete(NOBODYS)), refusal(401, 'reauthentication_required'))

      const { status, body, cookies } = await window.post('/auth/reauthenticate', { password })
      t.equal(status, 200)
      t.strictSame(body, { user, session: { ...session, authTime: new Date(clock()).toISOString() } })
      t.ok(cookies.some(({ name }) => name === 'access'))
      t.equal(decodeJwt(window.value('access')).auth_time, Math.floor(clock() / 1000))
      t.strictSame(refusalOf(await window.delete(NOBODYS)), refusal(404, 'not_found'), 'now it is let in')
      t.equal((await window.post('/auth/refresh')).status, 200)
      t.strictSame(refusalOf(await window.delete(NOBODYS)), refusal(404, 'not_found'), 'a refresh keeps it')
    })

    await t.test('a wrong password is 401, sets no cookie and leaves the session', async (t) => {
      const window = await gatehouse.signUp('wrong@example.com')
      clock.advance(FRESH + 1000)
      await window.post('/auth/refresh')
      const answer = await window.post('/auth/reauthenticate', { password: 'wrong horse battery staple' })
      t.strictSame(refusalOf(answer), refusal(401, 'invalid_credentials'))
      t.strictSame(refusalOf(await window.delete(NOBODYS)), refusal(401, 'reauthentication_required'))
      t.equal((await window.get('/auth/me')).status, 200)
    })

    await t.test('it renews this session and no other', async (t) => {
      const window = await gatehouse.signUp('two@example.com')
      const other = gatehouse.browser()
      await other.post('/auth/login', { email: 'two@example.com', password })
      clock.advance(FRESH + 1000)
      await Promise.all([window.post('/auth/refresh'), other.post('/auth/refresh')])
      t.equal((await window.post('/auth/reauthenticate', { password })).status, 200)
      t.strictSame(refusalOf(await other.delete(NOBODYS)), refusal(401, 'token_stale'))
      t.equal((await other.post('/auth/refresh')).status, 200)
      t.strictSame(refusalOf(await other.delete(NOBODYS)), refusal(401, 'reauthentication_required'))
    })

    await t.test('another user’s password does not do', async (t) => {
      const window = await gatehouse.signUp('eve@example.com')
      const secret = 'an entirely different phrase'
      await gatehouse.browser().post('/auth/register', { email: 'mallory@example.com', password: secret })
      const answer = await window.post('/auth/reauthenticate', { password: secret })
      t.strictSame(refusalOf(answer), refusal(401, 'invalid_credentials'))
    })

    await t.test('strangers and ended sessions are 401', async (t) => {
      const stranger = await gatehouse.browser().post('/auth/reauthenticate', { password })
      t.strictSame(refusalOf(stranger), refusal(401, 'unauthorized'))
      const window = await gatehouse.signUp('gone@example.com')
      const before = window.clone()
      await window.post('/auth/logout')
      t.strictSame(
        refusalOf(await before.post('/auth/reauthenticate', { password })),
        refusal(401, 'unauthorized')
      )
    })

    await t.test('it does not move the session’s end', async (t) => {
      const window = await gatehouse.signUp('end@example.com')
      const { session } = (await window.get('/auth/me')).body
      clock.advance(60_000)
      const { body } = await window.post('/auth/reauthenticate', { password })
      t.equal(body.session.expiresAt, session.expiresAt)
    })
  })
}

t.test('AUTH_FRESH_TTL says how long a sign-in is recent', async (t) => {
  const gatehouse = await build(t, { env: { AUTH_FRESH_TTL: '2s' } })
  const window = await gatehouse.signUp()
  gatehouse.clock.advance(4000)
  t.strictSame(refusalOf(await window.delete(NOBODYS)), refusal(401, 'reauthentication_required'))
  await window.post('/auth/reauthenticate', { password })
  t.strictSame(refusalOf(await window.delete(NOBODYS)), refusal(404, 'not_found'))
})
