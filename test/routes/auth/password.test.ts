import t from 'tap'
import { build, password } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'

const newPassword = 'another long enough phrase'
const wrong = 'wrong horse battery staple'
const DAY = 86_400_000

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const gatehouse = await build(t, { engine })
    const { clock } = gatehouse
    const administrator = await gatehouse.setUp()

    async function signIn(email: string, secret = password) {
      const window = gatehouse.browser()
      const { status } = await window.post('/auth/login', { email, password: secret })
      return { window, status }
    }

    /** A link for this account, as an administrator who has just signed in hands one out. */
    async function linkFor(id: string) {
      await administrator.post('/auth/login', { email: 'root@example.com', password })
      const { status, body } = await administrator.post(`/admin/users/${id}/password-reset`)
      t.equal(status, 201)
      return body
    }
    const idOf = async (window: Awaited<ReturnType<typeof gatehouse.signUp>>) =>
      (await window.get('/auth/me')).body.user.id

    await t.test('a new password ends every other session, and this one goes on', async (t) => {
      const window = await gatehouse.signUp('ada@example.com')
      const { window: other } = await signIn('ada@example.com')
      const { session } = (await window.get('/auth/me')).body
      const { status, text, cookies } = await window.put('/auth/password', {
        currentPassword: password,
        newPassword
      })
      t.strictSame([status, text], [204, ''])
      t.strictSame(cookies.map(({ name }) => name).sort(), ['access', 'device', 'refresh', 'session'])
      t.strictSame((await window.get('/auth/me')).body.session, session)
      t.equal((await window.post('/auth/refresh')).status, 200)
      t.strictSame(refusalOf(await other.get('/auth/me')), refusal(401, 'unauthorized'))
      t.strictSame(refusalOf(await other.post('/auth/refresh')), refusal(401, 'invalid_session'))
      t.equal((await signIn('ada@example.com')).status, 401, 'the old password is gone')
      t.equal((await signIn('ada@example.com', newPassword)).status, 200)
    })

    await t.test('a wrong current password is 401 and changes nothing', async (t) => {
      const window = await gatehouse.signUp('wrong@example.com')
      const { window: other } = await signIn('wrong@example.com')
      const answer = await window.put('/auth/password', { currentPassword: wrong, newPassword })
      t.strictSame(refusalOf(answer), refusal(401, 'invalid_credentials'))
      t.equal((await window.get('/auth/me')).status, 200)
      t.equal((await other.get('/auth/me')).status, 200)
      t.equal((await signIn('wrong@example.com')).status, 200)
    })

    await t.test('a weak new password is 422, names the field, and changes nothing', async (t) => {
      const window = await gatehouse.signUp('weak@example.com')
      const answer = await window.put('/auth/password', { currentPassword: password, newPassword: 'short' })
      const errors = [{ pointer: '/newPassword', code: 'too_short', detail: 'Use 12 characters or more.' }]
      t.strictSame(refusalOf(answer), refusal(422, 'weak_password', { errors }))
      t.equal((await window.get('/auth/me')).status, 200)
      t.equal((await signIn('weak@example.com')).status, 200)
    })

    await t.test('of two changes at once one wins, and its password counts', async (t) => {
      const window = await gatehouse.signUp('twice@example.com')
      const phrases = ['first of two new phrases', 'second of two new phrases']
      const answers = await Promise.all(
        phrases.map((phrase) =>
          window.clone().put('/auth/password', { currentPassword: password, newPassword: phrase })
        )
      )
      t.strictSame(answers.map(({ status }) => status).sort(), [204, 401])
      const logins = await Promise.all(phrases.map((phrase) => signIn('twice@example.com', phrase)))
      t.strictSame(
        logins.map(({ status }) => status),
        answers.map(({ status }) => (status === 204 ? 200 : 401))
      )
    })

    await t.test('strangers are 401 before anything is said of the request', async (t) => {
      const answer = await gatehouse.browser().put('/auth/password', { nonsense: true })
      t.strictSame(refusalOf(answer), refusal(401, 'unauthorized'))
    })

    await t.test('a reset link sets a password, ends all sessions and signs nobody in', async (t) => {
      const window = await gatehouse.signUp('reset@example.com')
      const { window: other } = await signIn('reset@example.com')
      const { token } = await linkFor(await idOf(window))
      const { status, text, cookies } = await gatehouse
        .browser()
        .post('/auth/password/reset', { token, password: newPassword })
      const names = cookies.map(({ name }) => name)
      t.strictSame([status, text, names], [204, '', ['device']])
      for (const before of [window, other]) {
        t.strictSame(refusalOf(await before.get('/auth/me')), refusal(401, 'unauthorized'))
        t.strictSame(refusalOf(await before.post('/auth/refresh')), refusal(401, 'invalid_session'))
      }
      t.equal((await signIn('reset@example.com')).status, 401)
      t.equal((await signIn('reset@example.com', newPassword)).status, 200)
    })

    await t.test('a reset link works once, though it be used many times at once', async (t) => {
      const window = await gatehouse.signUp('once@example.com')
      const { token } = await linkFor(await idOf(window))
      const phrases = Array.from({ length: 8 }, (_, index) => `chosen phrase with number ${index}`)
      const answers = await Promise.all(
        phrases.map((phrase) => gatehouse.browser().post('/auth/password/reset', { token, password: phrase }))
      )
      t.equal(answers.filter(({ status }) => status === 204).length, 1)
      for (const answer of answers) {
        if (answer.status !== 204) t.strictSame(refusalOf(answer), refusal(400, 'invalid_token'))
      }
      const winner = phrases[answers.findIndex(({ status }) => status === 204)]
      t.equal((await signIn('once@example.com', winner)).status, 200)
      const again = await gatehouse.browser().post('/auth/password/reset', { token, password: newPassword })
      t.strictSame(refusalOf(again), refusal(400, 'invalid_token'))
    })

    await t.test(
      'a reset link survives a weak password and dies by a newer one or after a day',
      async (t) => {
        const window = await gatehouse.signUp('links@example.com')
        const id = await idOf(window)
        const redeem = (token: string, secret: string) =>
          gatehouse.browser().post('/auth/password/reset', { token, password: secret })
        const older = await linkFor(id)
        const newer = await linkFor(id)
        t.strictSame(refusalOf(await redeem(older.token, newPassword)), refusal(400, 'invalid_token'))
        t.equal((await redeem(newer.token, 'weak')).status, 422)
        t.equal((await redeem(newer.token, newPassword)).status, 204)
        const late = await linkFor(id)
        t.equal(late.expiresAt, new Date(clock() + DAY).toISOString())
        clock.advance(DAY)
        t.strictSame(refusalOf(await redeem(late.token, newPassword)), refusal(400, 'invalid_token'))
      }
    )

    await t.test('what is no reset link is 400', async (t) => {
      const setup = await gatehouse.app.accounts.firstAdministrator.issueLink()
      t.equal(setup, undefined, 'there is an administrator')
      for (const token of ['x', 'A'.repeat(43), 'A'.repeat(200)]) {
        const answer = await gatehouse
          .browser()
          .post('/auth/password/reset', { token, password: newPassword })
        t.strictSame(refusalOf(answer), refusal(400, 'invalid_token'))
      }
    })

    await t.test('the link of a user who is disabled meanwhile does nothing', async (t) => {
      const window = await gatehouse.signUp('disabled@example.com')
      const id = await idOf(window)
      const { token } = await linkFor(id)
      await administrator.patch(`/admin/users/${id}`, { disabled: true })
      const answer = await gatehouse.browser().post('/auth/password/reset', { token, password: newPassword })
      t.strictSame(refusalOf(answer), refusal(400, 'invalid_token'))
    })
  })
}
