import t from 'tap'
import { build, password } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'

const HOUR = 3_600_000

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const gatehouse = await build(t, { engine })
    const { clock } = gatehouse

    async function signIn(email: string) {
      const window = gatehouse.browser()
      t.equal((await window.post('/auth/login', { email, password })).status, 200)
      return window
    }

    for (const path of ['/auth/logout', '/auth/logout-all']) {
      const email = `${path.slice('/auth/'.length)}@example.com`

      await t.test(`${path} ends the session, clears its cookies and answers 204`, async (t) => {
        const window = await gatehouse.signUp(email)
        const before = window.clone()
        const { status, text, cookies } = await window.post(path)
        t.strictSame([status, text], [204, ''])
        t.strictSame(
          cookies.map(({ name, value, maxAge }) => [name, value, maxAge]),
          [
            ['access', '', 0],
            ['refresh', '', 0],
            ['session', '', 0]
          ]
        )
        t.strictSame(refusalOf(await before.get('/auth/me')), refusal(401, 'unauthorized'))
        t.strictSame(refusalOf(await before.post('/auth/refresh')), refusal(401, 'invalid_session'))
      })

      await t.test(`${path} works with an expired access token and a refresh cookie`, async (t) => {
        const window = await signIn(email)
        const before = window.clone()
        clock.advance(HOUR)
        t.equal((await window.post(path)).status, 204)
        t.strictSame(refusalOf(await before.post('/auth/refresh')), refusal(401, 'invalid_session'))
      })

      await t.test(`${path} works with an expired access token and no refresh cookie`, async (t) => {
        const window = await signIn(email)
        const other = window.clone()
        other.cookies.delete('refresh')
        clock.advance(HOUR)
        t.equal((await other.post(path)).status, 204)
        t.strictSame(refusalOf(await window.post('/auth/refresh')), refusal(401, 'invalid_session'))
      })

      await t.test(`${path} works with a refresh token that has a successor`, async (t) => {
        const window = await signIn(email)
        const behind = window.clone()
        await window.post('/auth/refresh')
        t.equal((await behind.post(path)).status, 204)
        t.strictSame(refusalOf(await window.post('/auth/refresh')), refusal(401, 'invalid_session'))
      })

      await t.test(`${path} with a Bearer header ends nothing, and does not say that it did`, async (t) => {
        const window = await signIn(email)
        for (const token of [window.value('access'), 'undefined', 'null', '']) {
          const answer = await window.post(path, undefined, { authorization: `Bearer ${token}` })
          t.strictSame(refusalOf(answer), refusal(401, 'unauthorized'), token)
        }
        t.equal((await window.get('/auth/me')).status, 200)
        t.equal((await window.post('/auth/refresh')).status, 200)
      })

      await t.test(`${path} ends the session beside an Authorization header of another scheme`, async (t) => {
        for (const authorization of ['Basic YTpi', 'Negotiate YII', 'Token abc', '']) {
          const window = await signIn(email)
          const before = window.clone()
          t.equal((await window.post(path, undefined, { authorization })).status, 204, authorization)
          t.strictSame(refusalOf(await before.get('/auth/me')), refusal(401, 'unauthorized'), authorization)
          t.strictSame(refusalOf(await before.post('/auth/refresh')), refusal(401, 'invalid_session'))
        }
      })

      await t.test(`${path} succeeds twice, and without any session`, async (t) => {
        const window = await signIn(email)
        const again = window.clone()
        t.equal((await window.post(path)).status, 204)
        t.equal((await again.post(path)).status, 204)
        t.equal((await gatehouse.browser().post(path)).status, 204)
      })

      await t.test(`${path} succeeds with nonsense for cookies and ends nothing`, async (t) => {
        const window = await signIn(email)
        const other = gatehouse.browser()
        other.cookies.set('access', { value: 'x.y.z', path: '/' })
        const genuine = window.value('refresh')
        const value = genuine.slice(0, -2) + (genuine.endsWith('AA') ? 'BA' : 'AA')
        other.cookies.set('refresh', { value, path: '/auth' })
        t.equal((await other.post(path)).status, 204)
        t.equal((await window.get('/auth/me')).status, 200)
      })
    }

    await t.test('logout ends each session that any cookie proves', async (t) => {
      for (const proof of ['access', 'refresh', 'session']) {
        const window = await signIn('logout@example.com')
        const other = gatehouse.browser()
        const path = proof === 'refresh' ? '/auth' : '/'
        other.cookies.set(proof, { value: window.value(proof), path })
        t.equal((await other.post('/auth/logout')).status, 204, proof)
        t.strictSame(refusalOf(await window.get('/auth/me')), refusal(401, 'unauthorized'), proof)
      }
    })

    await t.test(
      'logout-all without the session cookie ends nothing, and does not say that it did',
      async (t) => {
        const window = await signIn('logout-all@example.com')
        for (const proof of ['access', 'refresh']) {
          const other = gatehouse.browser()
          other.cookies.set(proof, { value: window.value(proof), path: '/' })
          t.strictSame(refusalOf(await other.post('/auth/logout-all')), refusal(401, 'unauthorized'), proof)
        }
        t.equal((await window.post('/auth/refresh')).status, 200)
      }
    )

    await t.test('logout ends this session and no other', async (t) => {
      const window = await gatehouse.signUp('one@example.com')
      const elsewhere = await signIn('one@example.com')
      await window.post('/auth/logout')
      t.equal((await elsewhere.get('/auth/me')).status, 200)
      t.equal((await elsewhere.post('/auth/refresh')).status, 200)
    })

    await t.test('logout-all ends every session of this user and of nobody else', async (t) => {
      const window = await gatehouse.signUp('all@example.com')
      const elsewhere = await Promise.all([1, 2, 3].map(() => signIn('all@example.com')))
      const stranger = await gatehouse.signUp('stranger@example.com')
      t.equal((await window.post('/auth/logout-all')).status, 204)
      for (const other of elsewhere) {
        t.strictSame(refusalOf(await other.get('/auth/me')), refusal(401, 'unauthorized'))
        t.strictSame(refusalOf(await other.post('/auth/refresh')), refusal(401, 'invalid_session'))
      }
      t.equal((await stranger.get('/auth/me')).status, 200)
      t.equal((await stranger.post('/auth/refresh')).status, 200)
    })

    await t.test('logout-all by a session that has ended ends nothing', async (t) => {
      const window = await gatehouse.signUp('ended@example.com')
      const before = window.clone()
      await window.post('/auth/logout')
      const later = await signIn('ended@example.com')
      t.equal((await before.post('/auth/logout-all')).status, 204)
      t.equal((await later.get('/auth/me')).status, 200)
    })
  })
}
