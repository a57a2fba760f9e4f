import t from 'tap'
import type { Browser } from '../../harness/browser.ts'
import { build, password } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'

const NOBODYS = '01900000-0000-7000-8000-000000000000'
const DAY = 86_400_000

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const gatehouse = await build(t, { engine })
    const { clock } = gatehouse

    async function signIn(email: string, userAgent = 'Test/1.0'): Promise<Browser> {
      const window = gatehouse.browser({ 'sec-fetch-site': 'same-origin', 'user-agent': userAgent })
      t.equal((await window.post('/auth/login', { email, password })).status, 200)
      return window
    }
    const sessionOf = async (window: Browser) => (await window.get('/auth/me')).body.session

    await t.test('the list shows every live session and which one this is', async (t) => {
      await gatehouse.signUp('ada@example.com')
      await gatehouse.signUp('stranger@example.com')
      clock.advance(DAY)
      const first = await signIn('ada@example.com', 'Phone/2.0')
      const signedInAt = clock()
      clock.advance(60_000)
      const second = await signIn('ada@example.com', 'Desk/3.0')
      await first.post('/auth/refresh')
      const { status, body } = await second.get('/auth/sessions')
      t.equal(status, 200)
      t.strictSame(body, {
        items: [
          {
            id: (await sessionOf(first)).id,
            createdAt: new Date(signedInAt).toISOString(),
            lastUsedAt: new Date(clock()).toISOString(),
            expiresAt: new Date(signedInAt + 30 * DAY).toISOString(),
            ip: '127.0.0.1',
            userAgent: 'Phone/2.0',
            current: false
          },
          {
            id: (await sessionOf(second)).id,
            createdAt: new Date(clock()).toISOString(),
            lastUsedAt: new Date(clock()).toISOString(),
            expiresAt: new Date(clock() + 30 * DAY).toISOString(),
            ip: '127.0.0.1',
            userAgent: 'Desk/3.0',
            current: true
          }
        ],
        nextCursor: null
      })
    })

    await t.test('the list goes page by page without loss or repetition', async (t) => {
      const window = await gatehouse.signUp('pages@example.com')
      for (let count = 0; count < 4; count += 1) await signIn('pages@example.com')
      const ids: string[] = []
      const sizes: number[] = []
      let cursor: string | null = ''
      while (cursor !== null) {
        const { body } = await window.get(`/auth/sessions?limit=2${cursor && `&cursor=${cursor}`}`)
        ids.push(...body.items.map(({ id }: { id: string }) => id))
        sizes.push(body.items.length)
        cursor = body.nextCursor
      }
      t.strictSame(sizes, [2, 2, 1])
      t.equal(new Set(ids).size, 5)
    })

    await t.test('a bad page is 400', async (t) => {
      const window = await signIn('pages@example.com')
      for (const query of ['limit=0', 'limit=201', 'limit=x', 'cursor=%00', 'other=1']) {
        const { status, body } = await window.get(`/auth/sessions?${query}`)
        t.strictSame([status, body.code], [400, 'invalid_request'], query)
      }
    })

    await t.test('ending another session of one’s own signs that device out', async (t) => {
      const window = await gatehouse.signUp('ends@example.com')
      const lost = await signIn('ends@example.com')
      const { id } = await sessionOf(lost)
      const { status, text, cookies } = await window.delete(`/auth/sessions/${id}`)
      t.strictSame([status, text, cookies], [204, '', []])
      t.strictSame(refusalOf(await lost.get('/auth/me')), refusal(401, 'unauthorized'))
      t.strictSame(refusalOf(await lost.post('/auth/refresh')), refusal(401, 'invalid_session'))
      t.equal((await window.get('/auth/sessions')).body.items.length, 1)
      t.strictSame(refusalOf(await window.delete(`/auth/sessions/${id}`)), refusal(404, 'not_found'), 'twice')
    })

    await t.test('ending the current session clears its cookies', async (t) => {
      const window = await gatehouse.signUp('self@example.com')
      const before = window.clone()
      const answer = await window.delete(`/auth/sessions/${(await sessionOf(window)).id}`)
      t.equal(answer.status, 204)
      t.strictSame(
        answer.cookies.map(({ name, maxAge }) => [name, maxAge]),
        [
          ['access', 0],
          ['refresh', 0],
          ['session', 0]
        ]
      )
      t.strictSame(refusalOf(await before.get('/auth/me')), refusal(401, 'unauthorized'))
    })

    await t.test('somebody else’s session and one that is not there look the same: 404', async (t) => {
      const window = await gatehouse.signUp('own@example.com')
      const victim = await gatehouse.signUp('victim@example.com')
      const { id } = await sessionOf(victim)
      t.strictSame(refusalOf(await window.delete(`/auth/sessions/${id}`)), refusal(404, 'not_found'))
      t.strictSame(refusalOf(await window.delete(`/auth/sessions/${NOBODYS}`)), refusal(404, 'not_found'))
      t.equal((await victim.get('/auth/me')).status, 200)
      t.equal((await victim.post('/auth/refresh')).status, 200)
      const { status } = await window.delete('/auth/sessions/no-uuid')
      t.ok(status === 400 || status === 404, `what is no id at all is ${status}`)
    })

    await t.test('strangers get 401 and a sign-in that is not recent cannot end sessions', async (t) => {
      t.strictSame(refusalOf(await gatehouse.browser().get('/auth/sessions')), refusal(401, 'unauthorized'))
      const stranger = await gatehouse.browser().delete(`/auth/sessions/${NOBODYS}`)
      t.strictSame(refusalOf(stranger), refusal(401, 'unauthorized'))
      const window = await gatehouse.signUp('old@example.com')
      clock.advance(601_000)
      await window.post('/auth/refresh')
      const answer = await window.delete(`/auth/sessions/${(await sessionOf(window)).id}`)
      t.strictSame(refusalOf(answer), refusal(401, 'reauthentication_required'))
      t.equal((await window.get('/auth/sessions')).status, 200, 'reading is allowed')
    })
  })
}
