import { decodeJwt } from 'jose'
import t from 'tap'
import { build } from '../../harness/build.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'

t.test('refresh answers 200 with the user, the same session and new cookies', async (t) => {
  const gatehouse = await build(t)
  const window = await gatehouse.signUp()
  const before = window.clone()
  const { user, session } = (await window.get('/auth/me')).body
  gatehouse.clock.advance(60_000)
  const { status, body, cookies, text } = await window.post('/auth/refresh')
  t.equal(status, 200)
  t.strictSame(body, { user, session })
  t.strictSame(cookies.map(({ name }) => name).sort(), ['access', 'refresh', 'session'])
  t.not(window.value('refresh'), before.value('refresh'))
  const [old, fresh] = [decodeJwt(before.value('access')), decodeJwt(window.value('access'))]
  t.equal(Number(fresh.iat) - Number(old.iat), 60)
  t.not(fresh.jti, old.jti)
  t.equal(fresh.auth_time, old.auth_time, 'a refresh is no sign-in')
  for (const { value } of cookies) t.notOk(text.includes(value), 'no token is in the body')
})

t.test('a refresh takes up what changed about the user', async (t) => {
  const gatehouse = await build(t)
  const administrator = await gatehouse.setUp()
  const window = await gatehouse.signUp()
  const { user } = (await window.get('/auth/me')).body
  const change = { name: 'Countess', roles: ['admin'] }
  t.equal((await administrator.patch(`/admin/users/${user.id}`, change)).status, 200)
  t.strictSame(refusalOf(await window.get('/auth/me')), refusal(401, 'token_stale'))
  const { body } = await window.post('/auth/refresh')
  t.equal(body.user.name, 'Countess')
  t.strictSame(body.user.roles.toSorted(), ['admin', 'user'])
  t.equal((await window.get('/auth/me')).status, 200)
  t.equal((await window.get('/admin/users')).status, 200)
})

t.test('a disabled user cannot refresh, and can again when enabled and signed in', async (t) => {
  const gatehouse = await build(t)
  const administrator = await gatehouse.setUp()
  const window = await gatehouse.signUp()
  const { user } = (await window.get('/auth/me')).body
  await administrator.patch(`/admin/users/${user.id}`, { disabled: true })
  t.strictSame(refusalOf(await window.post('/auth/refresh')), refusal(401, 'invalid_session'))
  t.strictSame(refusalOf(await window.get('/auth/me')), refusal(401, 'unauthorized'))
  await administrator.patch(`/admin/users/${user.id}`, { disabled: false })
  t.strictSame(refusalOf(await window.post('/auth/refresh')), refusal(401, 'invalid_session'))
})

t.test('refresh is POST alone', async (t) => {
  const gatehouse = await build(t)
  const window = await gatehouse.signUp()
  t.strictSame(refusalOf(await window.get('/auth/refresh')), refusal(405, 'method_not_allowed'))
})
