import t from 'tap'
import type { Answer } from '../../harness/browser.ts'
import { build, password, type TestApp } from '../../harness/build.ts'

const ISSUER = 'https://auth.example.com'
const credentials = { email: 'ada@example.com', password }

/** The attributes of each cookie of a session that an answer sets: test/routes/auth/device-cookie has the other one. */
function attributes({ cookies }: Answer): Record<string, object> {
  const ofSession = cookies.filter(({ name }) => !name.endsWith('device'))
  return Object.fromEntries(ofSession.map(({ name, value: _value, ...rest }) => [name, { ...rest }]))
}

async function everyAnswerWithAllCookies(gatehouse: TestApp): Promise<Record<string, Answer>> {
  const window = gatehouse.browser()
  const register = await window.post('/auth/register', credentials)
  return {
    register,
    login: await window.post('/auth/login', credentials),
    refresh: await window.post('/auth/refresh'),
    reauthenticate: await window.post('/auth/reauthenticate', { password }),
    password: await window.put('/auth/password', {
      currentPassword: password,
      newPassword: 'another long enough phrase'
    })
  }
}

t.test('over plain http on loopback the cookies have plain names and no Secure', async (t) => {
  const gatehouse = await build(t)
  for (const [what, answer] of Object.entries(await everyAnswerWithAllCookies(gatehouse))) {
    t.strictSame(
      attributes(answer),
      {
        access: { path: '/', httpOnly: true, sameSite: 'Lax' },
        refresh: { path: '/auth', httpOnly: true, sameSite: 'Lax' },
        session: { path: '/', httpOnly: true, sameSite: 'Lax' }
      },
      what
    )
  }
})

t.test('over https the cookies are prefixed, Secure, and of this host alone', async (t) => {
  const gatehouse = await build(t, { env: { AUTH_ISSUER: ISSUER } })
  for (const [what, answer] of Object.entries(await everyAnswerWithAllCookies(gatehouse))) {
    t.strictSame(
      attributes(answer),
      {
        '__Host-access': { path: '/', httpOnly: true, secure: true, sameSite: 'Lax' },
        '__Secure-refresh': { path: '/auth', httpOnly: true, secure: true, sameSite: 'Lax' },
        '__Host-session': { path: '/', httpOnly: true, secure: true, sameSite: 'Lax' }
      },
      what
    )
  }
})

t.test('AUTH_COOKIE_DOMAIN shares the access cookie and no other', async (t) => {
  const gatehouse = await build(t, { env: { AUTH_ISSUER: ISSUER, AUTH_COOKIE_DOMAIN: 'example.com' } })
  const window = await gatehouse.signUp()
  t.strictSame(attributes(await window.post('/auth/refresh')), {
    '__Secure-access': { path: '/', domain: 'example.com', httpOnly: true, secure: true, sameSite: 'Lax' },
    '__Secure-refresh': { path: '/auth', httpOnly: true, secure: true, sameSite: 'Lax' },
    '__Host-session': { path: '/', httpOnly: true, secure: true, sameSite: 'Lax' }
  })
  t.equal((await window.get('/auth/me')).status, 200)
})

t.test('AUTH_COOKIE_SAMESITE=strict makes all of them strict', async (t) => {
  const gatehouse = await build(t, { env: { AUTH_ISSUER: ISSUER, AUTH_COOKIE_SAMESITE: 'strict' } })
  const answer = await (await gatehouse.signUp()).post('/auth/refresh')
  t.strictSame(
    answer.cookies.map(({ name, sameSite }) => [name, sameSite]),
    [
      ['__Host-access', 'Strict'],
      ['__Secure-refresh', 'Strict'],
      ['__Host-session', 'Strict']
    ]
  )
})

t.test('a logout clears each cookie with the attributes that it was set with', async (t) => {
  const environments: Array<Record<string, string>> = [
    {},
    { AUTH_ISSUER: ISSUER },
    { AUTH_ISSUER: ISSUER, AUTH_COOKIE_DOMAIN: 'example.com', AUTH_COOKIE_SAMESITE: 'strict' }
  ]
  for (const env of environments) {
    const gatehouse = await build(t, { env })
    const window = await gatehouse.signUp()
    const set = attributes(await window.post('/auth/refresh'))
    const answer = await window.post('/auth/logout')
    const gone = { expires: new Date(0), maxAge: 0 }
    t.strictSame(
      attributes(answer),
      Object.fromEntries(Object.entries(set).map(([name, rest]) => [name, { ...rest, ...gone }]))
    )
    t.ok(answer.cookies.every(({ value }) => value === ''))
    t.strictSame(
      [...window.cookies.keys()].map((name) => name.replace('__Host-', '')),
      ['device']
    )
  }
})

t.test('cookies of the plain names count for nothing over https', async (t) => {
  const gatehouse = await build(t, { env: { AUTH_ISSUER: ISSUER } })
  const window = await gatehouse.signUp()
  const planted = gatehouse.browser()
  planted.cookies.set('access', { value: window.value('__Host-access'), path: '/' })
  planted.cookies.set('__Secure-access', { value: window.value('__Host-access'), path: '/' })
  planted.cookies.set('refresh', { value: window.value('__Secure-refresh'), path: '/auth' })
  planted.cookies.set('session', { value: window.value('__Host-session'), path: '/' })
  t.equal((await planted.get('/auth/me')).status, 401)
  t.equal((await planted.post('/auth/refresh')).status, 401)
  t.equal((await window.post('/auth/refresh')).status, 200)
})

t.test('a proxy header changes neither names nor Secure: the setting alone decides', async (t) => {
  const gatehouse = await build(t)
  const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'auth.example.com' }
  const answer = await gatehouse.browser().post('/auth/register', credentials, headers)
  t.strictSame(
    answer.cookies.map(({ name, secure }) => [name, secure]),
    [
      ['access', undefined],
      ['refresh', undefined],
      ['session', undefined],
      ['device', undefined]
    ]
  )
})
