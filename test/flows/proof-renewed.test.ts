import t from 'tap'
import { build, password } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'

const newPassword = 'another fine day at sea'

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    t.test('a refresh cookie copied before a re-authentication does not get what it earned', async (t) => {
      const { signUp, clock } = await build(t, { engine })
      const ada = await signUp()
      const copied = ada.clone()
      t.equal((await ada.post('/auth/reauthenticate', { password })).status, 200)
      clock.advance(11_000)
      const { status, body } = await copied.post('/auth/refresh')
      t.equal(status, 401)
      t.equal(body.code, 'invalid_session')
    })

    t.test('nor does one copied before the password was changed', async (t) => {
      const { signUp, clock } = await build(t, { engine })
      const ada = await signUp()
      const copied = ada.clone()
      const changed = await ada.put('/auth/password', { currentPassword: password, newPassword })
      t.equal(changed.status, 204)
      t.equal((await ada.post('/auth/refresh')).status, 200, 'its owner goes on')
      clock.advance(11_000)
      t.equal((await copied.post('/auth/refresh')).status, 401)
    })

    t.test('a link to choose a password dies when its owner has changed the password', async (t) => {
      const { setUp, signUp, browser } = await build(t, { engine })
      const [root, ada] = [await setUp(), await signUp()]
      const { id } = (await ada.get('/auth/me')).body.user
      const { token } = (await root.post(`/admin/users/${id}/password-reset`)).body
      t.equal((await ada.put('/auth/password', { currentPassword: password, newPassword })).status, 204)
      const { status, body } = await browser().post('/auth/password/reset', { token, password })
      t.equal(status, 400)
      t.equal(body.code, 'invalid_token')
    })

    t.test('of two links made at once, the second to be opened is worth nothing', async (t) => {
      const { setUp, signUp, browser } = await build(t, { engine })
      const [root, ada] = [await setUp(), await signUp()]
      const { id } = (await ada.get('/auth/me')).body.user
      const links = await Promise.all([1, 2, 3].map(() => root.post(`/admin/users/${id}/password-reset`)))
      const opened = []
      for (const { body } of links) {
        opened.push(
          (await browser().post('/auth/password/reset', { token: body.token, password: newPassword })).status
        )
      }
      t.strictSame(opened.sort(), [204, 400, 400])
    })

    t.test('an audit query of no moment in time is refused', async (t) => {
      const { setUp } = await build(t, { engine })
      const { status, body } = await (await setUp()).get('/admin/audit?from=2016-12-31T23:59:60Z')
      t.equal(status, 400)
      t.match(body, { code: 'invalid_request', errors: [{ pointer: '/from' }] })
    })
  })
}

t.test('setting up ends the session that the browser had', async (t) => {
  const { app, signUp } = await build(t)
  const ada = await signUp()
  const before = ada.clone()
  const link = await app.oneTimeLinks.setUp()
  const body = { token: link?.token, email: 'root@example.com', password }
  t.equal((await ada.post('/auth/setup', body)).status, 201)
  t.equal((await before.get('/auth/me')).status, 401)
})
