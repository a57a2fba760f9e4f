import t from 'tap'
import { build, password } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const gatehouse = await build(t, { engine })
    const { clock } = gatehouse
    const administrator = await gatehouse.setUp()

    await t.test('GET /auth/me shows the user, the session, roles and scope', async (t) => {
      const window = gatehouse.browser()
      const credentials = { email: 'ada@example.com', password, name: 'Ada' }
      const { user, session } = (await window.post('/auth/register', credentials)).body
      const { status, body, cookies } = await window.get('/auth/me')
      t.equal(status, 200)
      t.strictSame(body, { user, session, roles: ['user'], scope: '' })
      t.strictSame(cookies, [])
    })

    await t.test('GET /auth/me shows an administrator every scope', async (t) => {
      const { body } = await administrator.get('/auth/me')
      t.strictSame(body.roles.toSorted(), ['admin', 'user'])
      t.match(body.scope.split(' ').toSorted(), ['audit:read'])
      t.ok(body.scope.split(' ').includes('users:write'))
    })

    await t.test('without a session, or with a bad one, it is 401', async (t) => {
      const stranger = gatehouse.browser()
      t.strictSame(refusalOf(await stranger.get('/auth/me')), refusal(401, 'unauthorized'))
      t.strictSame(refusalOf(await stranger.patch('/auth/me', { name: 'X' })), refusal(401, 'unauthorized'))
      t.strictSame(refusalOf(await stranger.delete('/auth/me')), refusal(401, 'unauthorized'))
      stranger.cookies.set('access', { value: 'nonsense', path: '/' })
      t.strictSame(refusalOf(await stranger.get('/auth/me')), refusal(401, 'unauthorized'))
    })

    await t.test('PATCH /auth/me changes the name, and this browser goes on', async (t) => {
      const window = await gatehouse.signUp('renamed@example.com')
      const { body: before } = await window.get('/auth/me')
      const { status, body, cookies } = await window.patch('/auth/me', { name: 'Ada King 👑' })
      t.equal(status, 200)
      t.strictSame(body, { ...before, user: { ...before.user, name: 'Ada King 👑' } })
      t.strictSame(
        cookies.map(({ name }) => name),
        ['access'],
        'an access token earns no more than another'
      )
      t.strictSame((await window.get('/auth/me')).body, body)
      const cleared = await window.patch('/auth/me', { name: null })
      t.strictSame([cleared.status, cleared.body.user.name], [200, null])
    })

    await t.test('after a change of name other windows refresh and go on', async (t) => {
      const window = await gatehouse.signUp('windows@example.com')
      const behind = window.clone()
      const elsewhere = gatehouse.browser()
      await elsewhere.post('/auth/login', { email: 'windows@example.com', password })
      await window.patch('/auth/me', { name: 'Ada' })
      for (const other of [behind, elsewhere]) {
        t.strictSame(refusalOf(await other.get('/auth/me')), refusal(401, 'token_stale'))
        t.equal((await other.post('/auth/refresh')).status, 200)
        t.equal((await other.get('/auth/me')).body.user.name, 'Ada')
      }
    })

    await t.test('PATCH /auth/me changes nothing but the name', async (t) => {
      const window = await gatehouse.signUp('fields@example.com')
      const { body: before } = await window.get('/auth/me')
      const bodies = [
        { name: 'X', roles: ['admin'] },
        { name: 'X', email: 'other@example.com' },
        { name: 'X', emailVerified: true },
        { roles: ['admin'] },
        {},
        { name: 7 },
        { name: '' },
        { name: 'x'.repeat(101) },
        { name: 'a\u0007b' }
      ]
      for (const body of bodies) {
        const { status, body: problem } = await window.patch('/auth/me', body)
        t.strictSame([status, problem.code], [400, 'invalid_request'], JSON.stringify(body))
      }
      t.strictSame((await window.get('/auth/me')).body, before)
    })

    await t.test('DELETE /auth/me removes the account and every session of it', async (t) => {
      const window = await gatehouse.signUp('leaving@example.com')
      const before = window.clone()
      const elsewhere = gatehouse.browser()
      await elsewhere.post('/auth/login', { email: 'leaving@example.com', password })
      const { status, text, cookies } = await window.delete('/auth/me')
      t.strictSame([status, text], [204, ''])
      t.strictSame(
        cookies.map(({ name, maxAge }) => [name, maxAge]),
        [
          ['access', 0],
          ['refresh', 0],
          ['session', 0]
        ]
      )
      for (const other of [before, elsewhere]) {
        t.strictSame(refusalOf(await other.get('/auth/me')), refusal(401, 'unauthorized'))
        t.strictSame(refusalOf(await other.post('/auth/refresh')), refusal(401, 'invalid_session'))
      }
      const login = await gatehouse.browser().post('/auth/login', { email: 'leaving@example.com', password })
      t.strictSame(refusalOf(login), refusal(401, 'invalid_credentials'))
      t.ok(await gatehouse.signUp('leaving@example.com'), 'the address is free again')
    })

    await t.test('the last administrator cannot leave', async (t) => {
      t.strictSame(refusalOf(await administrator.delete('/auth/me')), refusal(409, 'last_administrator'))
      t.equal((await administrator.get('/auth/me')).status, 200)
      t.equal((await administrator.post('/auth/refresh')).status, 200)
    })

    await t.test('DELETE /auth/me asks for a recent sign-in', async (t) => {
      const window = await gatehouse.signUp('stale@example.com')
      clock.advance(599_000)
      await window.post('/auth/refresh')
      t.equal((await window.delete('/auth/me')).status, 204, 'up to ten minutes are recent')
      const later = await gatehouse.signUp('stale@example.com')
      clock.advance(601_000)
      await later.post('/auth/refresh')
      t.strictSame(refusalOf(await later.delete('/auth/me')), refusal(401, 'reauthentication_required'))
      t.equal((await later.get('/auth/me')).status, 200, 'and nothing was deleted')
    })
  })
}
