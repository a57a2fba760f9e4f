import t from 'tap'
import { build } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const gatehouse = await build(t, { engine })

    await t.test('GET /auth/session shows who is signed in, as /auth/me does', async (t) => {
      const window = await gatehouse.signUp()
      const { status, body, cookies } = await window.get('/auth/session')
      t.equal(status, 200)
      t.strictSame(body, (await window.get('/auth/me')).body)
      t.strictSame(cookies, [])
    })

    await t.test(
      'it answers null to a stranger, and to a browser with nonsense in its cookies',
      async (t) => {
        const stranger = gatehouse.browser()
        for (const value of [undefined, 'nonsense']) {
          if (value)
            for (const name of ['access', 'session']) stranger.cookies.set(name, { value, path: '/' })
          const { status, text, headers, cookies } = await stranger.get('/auth/session')
          t.equal(status, 200)
          t.equal(text, 'null')
          t.equal(headers['content-type'], 'application/json; charset=utf-8')
          t.equal(headers['cache-control'], 'no-store')
          t.strictSame(cookies, [])
        }
      }
    )

    await t.test('it answers null after a sign-out, here and on the other device', async (t) => {
      const window = await gatehouse.signUp('two@example.com')
      const copy = window.clone()
      await window.post('/auth/logout-all')
      for (const each of [window, copy]) t.equal((await each.get('/auth/session')).text, 'null')
    })

    await t.test('if the access token has expired, it is 401, and a refresh helps', async (t) => {
      const window = await gatehouse.signUp('expired@example.com')
      gatehouse.clock.advance(10 * 60_000)
      t.strictSame(refusalOf(await window.get('/auth/session')), refusal(401, 'unauthorized'))
      await window.post('/auth/refresh')
      t.match((await window.get('/auth/session')).body, { user: { email: 'expired@example.com' } })
    })

    await t.test('if the session has expired, it answers null', async (t) => {
      const window = await gatehouse.signUp('idle@example.com')
      gatehouse.clock.advance(25 * 60 * 60_000)
      t.equal((await window.get('/auth/session')).text, 'null')
    })

    await t.test('a bad bearer token is refused, because a program sent it', async (t) => {
      const reply = await gatehouse.browser().get('/auth/session', { authorization: 'Bearer nonsense' })
      t.strictSame(refusalOf(reply), refusal(401, 'unauthorized'))
    })
  })
}
