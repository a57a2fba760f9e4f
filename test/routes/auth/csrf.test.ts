import t from 'tap'
import type { Browser } from '../../harness/browser.ts'
import { build, password } from '../../harness/build.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'

const OWN = 'http://localhost:3000'
const APP = 'https://app.example.com'

t.test('the CSRF token', async (t) => {
  const gatehouse = await build(t, { env: { AUTH_ALLOWED_ORIGINS: APP } })

  /** A client that sends neither Origin nor Fetch Metadata, with the cookies of somebody who has just registered. */
  async function bareClient(email: string): Promise<Browser> {
    const bare = gatehouse.browser({})
    for (const [name, cookie] of (await gatehouse.signUp(email)).cookies) bare.cookies.set(name, cookie)
    return bare
  }

  await t.test('lets a client without Origin and Fetch Metadata make unsafe requests', async (t) => {
    const client = await bareClient('ada@example.com')
    const { status, body } = await client.get('/auth/csrf')
    t.equal(status, 200)
    t.strictSame(Object.keys(body), ['csrfToken'])
    const token = { 'x-csrf-token': body.csrfToken }

    t.strictSame(refusalOf(await client.patch('/auth/me', { name: 'X' })), refusal(403, 'cross_site_request'))
    t.equal((await client.patch('/auth/me', { name: 'Ada' }, token)).status, 200)
    t.strictSame(refusalOf(await client.post('/auth/refresh')), refusal(403, 'cross_site_request'))
    t.equal((await client.post('/auth/refresh', undefined, token)).status, 200)
    t.equal(
      (await client.get('/auth/csrf')).body.csrfToken,
      body.csrfToken,
      'it lasts as long as the session'
    )
    t.strictSame(refusalOf(await client.post('/auth/logout')), refusal(403, 'cross_site_request'))
    t.equal((await client.post('/auth/logout', undefined, token)).status, 204)
  })

  await t.test('is of one session alone', async (t) => {
    const client = await bareClient('bob@example.com')
    const other = await bareClient('eve@example.com')
    const { csrfToken: foreign } = (await other.get('/auth/csrf')).body
    const { csrfToken } = (await client.get('/auth/csrf')).body
    t.not(csrfToken, foreign)
    const forged = [foreign, '', `${csrfToken}x`, csrfToken.slice(0, -1), csrfToken.toUpperCase(), 'null']
    for (const token of forged) {
      const answer = await client.patch('/auth/me', { name: 'X' }, { 'x-csrf-token': token })
      t.strictSame(refusalOf(answer), refusal(403, 'cross_site_request'), token)
    }
  })

  await t.test('is neither a cookie nor made of one', async (t) => {
    const client = await bareClient('carol@example.com')
    const { csrfToken } = (await client.get('/auth/csrf')).body
    for (const cookie of client.cookies.values()) t.notOk(cookie.value.includes(csrfToken))
  })

  await t.test('is not to be had without a session, or with one that has ended', async (t) => {
    t.strictSame(refusalOf(await gatehouse.browser().get('/auth/csrf')), refusal(401, 'unauthorized'))
    const window = await gatehouse.signUp('dave@example.com')
    const before = window.clone()
    await window.post('/auth/logout')
    t.strictSame(refusalOf(await before.get('/auth/csrf')), refusal(401, 'unauthorized'))
  })

  await t.test('does not help a request that says that it comes from elsewhere', async (t) => {
    const client = await bareClient('frank@example.com')
    const token = { 'x-csrf-token': (await client.get('/auth/csrf')).body.csrfToken }
    const elsewhere: Array<Record<string, string>> = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `${OWN}.evil.example` },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
      { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
    ]
    for (const headers of elsewhere) {
      const answer = await client.patch('/auth/me', { name: 'X' }, { ...headers, ...token })
      t.strictSame(refusalOf(answer), refusal(403, 'cross_site_request'), JSON.stringify(headers))
    }
  })

  await t.test(
    'is not asked of requests from here, from an allowed origin, or with a bearer token',
    async (t) => {
      const client = await bareClient('grace@example.com')
      const bearer = { authorization: `Bearer ${client.value('access')}` }
      t.strictSame(
        refusalOf(await gatehouse.browser({}).patch('/auth/me', { name: 'A' }, bearer)),
        refusal(401, 'unauthorized')
      )
      const here: Array<Record<string, string>> = [
        { origin: OWN },
        { origin: APP },
        { 'sec-fetch-site': 'same-origin' }
      ]
      for (const headers of here) {
        await client.post('/auth/refresh', undefined, headers)
        t.equal((await client.patch('/auth/me', { name: 'A' }, headers)).status, 200, JSON.stringify(headers))
      }
    }
  )

  await t.test('sign-in and registration from another site are refused', async (t) => {
    await gatehouse.signUp('heidi@example.com')
    const evil = gatehouse.browser({ origin: 'https://evil.example' })
    const credentials = { email: 'heidi@example.com', password }
    t.strictSame(refusalOf(await evil.post('/auth/login', credentials)), refusal(403, 'cross_site_request'))
    const registration = { email: 'new@example.com', password }
    t.strictSame(
      refusalOf(await evil.post('/auth/register', registration)),
      refusal(403, 'cross_site_request')
    )
    t.equal((await gatehouse.browser({}).post('/auth/login', credentials)).status, 200, 'a bare client may')
  })
})
