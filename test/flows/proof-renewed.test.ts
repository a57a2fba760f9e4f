import { decodeJwt } from 'jose'
import t from 'tap'
import type { Answer, Browser } from '../harness/browser.ts'
import { build, password } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'
import { refusal, refusalOf } from '../harness/refusal.ts'

const newPassword = 'another fine day at sea'

const proofs: Array<[deed: string, prove: (browser: Browser) => Promise<Answer>]> = [
  ['a re-authentication', (browser) => browser.post('/auth/reauthenticate', { password })],
  [
    'a new password',
    (browser) => browser.put('/auth/password', { currentPassword: password, newPassword: password })
  ]
]

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    for (const [deed, prove] of proofs) {
      t.test(`cookies copied before ${deed} get nothing of it, at once or later`, async (t) => {
        const { signUp, clock } = await build(t, { engine })
        const ada = await signUp()
        const copied = ada.clone()
        t.ok((await prove(ada)).status < 300)
        t.strictSame(refusalOf(await copied.get('/auth/me')), refusal(401, 'token_stale'))
        t.strictSame(refusalOf(await copied.post('/auth/refresh')), refusal(401, 'invalid_session'))
        t.equal((await ada.get('/auth/me')).status, 200, 'within the grace the copy ends nothing')
        t.equal((await ada.post('/auth/refresh')).status, 200, 'its owner goes on')
        clock.advance(11_000)
        t.strictSame(refusalOf(await copied.post('/auth/refresh')), refusal(401, 'invalid_session'))
      })

      t.test(`a copy that races with ${deed} never gets a sign-in as recent`, async (t) => {
        const { signUp, clock } = await build(t, { engine })
        const ada = await signUp()
        for (let round = 0; round < 8; round += 1) {
          clock.advance(60_000)
          await ada.post('/auth/refresh')
          const copies = Array.from({ length: 5 }, () => ada.clone())
          const [answer] = await Promise.all([
            prove(ada),
            ...copies.map((copy) => copy.post('/auth/refresh'))
          ])
          // A copy that was first has made the owner's own cookie the predecessor of nothing: the proof still stands.
          t.ok(answer.status < 300)
          const now = Math.floor(clock() / 1000)
          for (const copy of copies) {
            const { status } = await copy.delete('/auth/sessions/01900000-0000-7000-8000-000000000000')
            t.equal(status, 401)
            t.not(decodeJwt(copy.value('access')).auth_time, now)
          }
          t.equal((await ada.post('/auth/refresh')).status, 200)
        }
      })
    }

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
  const link = await app.accounts.firstAdministrator.issueLink()
  const body = { token: link?.token, email: 'root@example.com', password }
  t.equal((await ada.post('/auth/setup', body)).status, 201)
  t.equal((await before.get('/auth/me')).status, 401)
})
