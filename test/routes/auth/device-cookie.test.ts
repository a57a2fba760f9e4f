import { createHmac, randomBytes } from 'node:crypto'
import t from 'tap'
import { DAY } from '../../../domain/clock.ts'
import type { Browser } from '../../harness/browser.ts'
import { build, password, type TestApp } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'

const ISSUER = 'https://auth.example.com'
const LIMIT = 5
const wrong = 'wrong horse battery staple'
const env = { AUTH_LOGIN_LIMIT_PER_ACCOUNT: String(LIMIT) }
const LASTING = { maxAge: (400 * DAY) / 1000, path: '/', httpOnly: true, sameSite: 'Lax' }

const signIn = (window: Browser, email: string, secret = password) =>
  window.post('/auth/login', { email, password: secret })

/** A browser with this device cookie and nothing else. */
function deviceOnly(gatehouse: TestApp, value: string): Browser {
  const window = gatehouse.browser()
  window.cookies.set('device', { value, path: '/' })
  return window
}

/** Whether the browser has a count of its own while strangers have to wait. */
async function isKnown(gatehouse: TestApp, window: Browser, email: string): Promise<boolean> {
  for (let attempt = 0; attempt <= LIMIT; attempt += 1) await signIn(gatehouse.browser(), email, wrong)
  return (await signIn(window, email)).status === 200
}

t.test('the device cookie is of this host alone, lasts 400 days, and names no account', async (t) => {
  for (const secure of [false, true]) {
    const gatehouse = await build(t, { env: { ...env, ...(secure && { AUTH_ISSUER: ISSUER }) } })
    const window = gatehouse.browser()
    const { body, cookies } = await window.post('/auth/register', { email: 'ada@example.com', password })
    const name = secure ? '__Host-device' : 'device'
    const cookie = cookies.find((each) => each.name === name)
    const { value = '', name: _name, ...attributes } = cookie ?? {}
    t.strictSame(attributes, secure ? { ...LASTING, secure } : LASTING)
    t.notOk(Buffer.from(value, 'base64url').toString('latin1').includes(body.user.id))
    await window.post('/auth/logout')
    t.equal(window.value(name), value, 'it outlives sign-out')
  }
})

t.test('AUTH_COOKIE_DOMAIN does not share it, and AUTH_COOKIE_SAMESITE holds for it', async (t) => {
  const shared = { AUTH_ISSUER: ISSUER, AUTH_COOKIE_DOMAIN: 'example.com', AUTH_COOKIE_SAMESITE: 'strict' }
  const gatehouse = await build(t, { env: shared })
  const answer = await gatehouse.browser().post('/auth/register', { email: 'ada@example.com', password })
  const cookie = answer.cookies.find(({ name }) => name === '__Host-device')
  t.equal(cookie?.domain, undefined)
  t.equal(cookie?.sameSite, 'Strict')
})

t.test('it is set by what proved a password or a link, and by nothing else', async (t) => {
  const gatehouse = await build(t, { env })
  const root = await gatehouse.setUp()
  const window = gatehouse.browser()
  const sets = async (work: ReturnType<Browser['post']>) => {
    const { status, cookies } = await work
    return [status, cookies.some(({ name }) => name === 'device')]
  }
  const newPassword = 'another long enough phrase'
  const email = 'ada@example.com'
  t.strictSame(await sets(window.post('/auth/register', { email, password })), [201, true])
  t.strictSame(await sets(signIn(window, email)), [200, true])
  t.strictSame(await sets(window.post('/auth/refresh')), [200, false])
  t.strictSame(await sets(window.patch('/auth/me', { name: 'Ada' })), [200, false])
  t.strictSame(await sets(signIn(window, email, wrong)), [401, false])
  t.strictSame(await sets(window.post('/auth/register', { email, password })), [409, false])
  const change = { currentPassword: password, newPassword }
  t.strictSame(await sets(window.put('/auth/password', { ...change, currentPassword: wrong })), [401, false])
  t.strictSame(await sets(window.put('/auth/password', change)), [204, true])

  const { user } = (await window.get('/auth/me')).body
  const { token } = (await root.post(`/admin/users/${user.id}/password-reset`)).body
  const reset = (input: object) => gatehouse.browser().post('/auth/password/reset', input)
  t.strictSame(await sets(reset({ token: 'x', password })), [400, false])
  t.strictSame(await sets(reset({ token, password: 'short' })), [422, false])
  t.strictSame(await sets(reset({ token, password })), [204, true])
  t.strictSame(await sets(window.post('/auth/logout')), [204, false])
  const bad = { token: 'x', email: 'eve@example.com', password }
  t.strictSame(await sets(gatehouse.browser().post('/auth/setup', bad)), [409, false])
})

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const gatehouse = await build(t, { engine, env })
    const { clock } = gatehouse
    const root = await gatehouse.setUp()

    t.test('a browser that signed out is known to the account, and to that account alone', async (t) => {
      const window = await gatehouse.signUp('ada@example.com')
      await gatehouse.signUp('bob@example.com')
      await window.post('/auth/logout')
      t.equal(await isKnown(gatehouse, window, 'ada@example.com'), true)
      t.equal(
        await isKnown(gatehouse, deviceOnly(gatehouse, window.value('device')), 'bob@example.com'),
        false
      )
    })

    t.test('a browser of a family is known to each of them', async (t) => {
      const window = gatehouse.browser()
      const people = ['mum@example.com', 'dad@example.com', 'kid@example.com']
      for (const email of people) await window.post('/auth/register', { email, password })
      await window.post('/auth/logout')
      for (const email of people) t.equal(await isKnown(gatehouse, window, email), true, email)
    })

    t.test('the cookie alone is worth nothing', async (t) => {
      const window = await gatehouse.signUp('alone@example.com')
      const thief = deviceOnly(gatehouse, window.value('device'))
      t.strictSame(refusalOf(await thief.get('/auth/me')), refusal(401, 'unauthorized'))
      t.strictSame(refusalOf(await thief.post('/auth/refresh')), refusal(401, 'invalid_session'))
      t.strictSame(
        refusalOf(await signIn(thief, 'alone@example.com', wrong)),
        refusal(401, 'invalid_credentials')
      )
    })

    t.test('a thief’s device has so many tries, for good, and then is a stranger', async (t) => {
      const window = await gatehouse.signUp('robbed@example.com')
      const stolen = deviceOnly(gatehouse, window.value('device'))
      for (let attempt = 0; attempt < 2 * LIMIT; attempt += 1)
        t.equal((await signIn(stolen, 'robbed@example.com', wrong)).status, 401)
      t.strictSame(
        refusalOf(await signIn(stolen, 'robbed@example.com', wrong)),
        refusal(429, 'rate_limited'),
        'its own tries, then a stranger’s'
      )
      for (let day = 0; day < 5; day += 1) {
        clock.advance(2 * DAY)
        await gatehouse.app.store.purge(clock(), 1000)
        const statuses = []
        for (let attempt = 0; attempt <= LIMIT; attempt += 1)
          statuses.push((await signIn(stolen, 'robbed@example.com', wrong)).status)
        t.strictSame(statuses, [401, 401, 401, 401, 401, 429], 'no more than any stranger')
      }
    })

    t.test('guesses from one device in parallel are counted before they are compared', async (t) => {
      const window = await gatehouse.signUp('parallel@example.com')
      const stolen = deviceOnly(gatehouse, window.value('device'))
      const answers = await Promise.all(
        Array.from({ length: 40 }, () => signIn(stolen, 'parallel@example.com', wrong))
      )
      t.equal(answers.filter(({ status }) => status === 401).length, 2 * LIMIT)
    })

    t.test('ten right sign-ins at once by one known browser all succeed', async (t) => {
      for (let round = 0; round < 5; round += 1) {
        const email = `tabs-${round}@example.com`
        const window = await gatehouse.signUp(email)
        const value = window.value('device')
        const answers = await Promise.all(
          Array.from({ length: 10 }, () => signIn(deviceOnly(gatehouse, value), email))
        )
        t.strictSame(
          answers.map(({ status }) => status),
          Array(10).fill(200)
        )
      }
    })

    t.test('a new password makes strangers of all browsers but the one that gave it', async (t) => {
      const newPassword = 'another long enough phrase'
      const window = await gatehouse.signUp('changed@example.com')
      const before = window.value('device')
      const change = { currentPassword: password, newPassword }
      t.equal((await window.put('/auth/password', change)).status, 204)
      for (let attempt = 0; attempt < LIMIT; attempt += 1)
        await signIn(gatehouse.browser(), 'changed@example.com', wrong)
      const known = deviceOnly(gatehouse, window.value('device'))
      t.equal((await signIn(known, 'changed@example.com', newPassword)).status, 200)
      const stale = deviceOnly(gatehouse, before)
      t.equal((await signIn(stale, 'changed@example.com', newPassword)).status, 429)
    })

    t.test('disabling an account makes strangers of its browsers', async (t) => {
      const window = await gatehouse.signUp('disabled@example.com')
      const { user } = (await window.get('/auth/me')).body
      await signIn(root, 'root@example.com')
      for (const disabled of [true, false])
        t.equal((await root.patch(`/admin/users/${user.id}`, { disabled })).status, 200)
      t.equal(await isKnown(gatehouse, window, 'disabled@example.com'), false)
    })

    t.test('a costlier hash of the same password makes no browser a stranger', async (t) => {
      const [window, other] = [await gatehouse.signUp('costly@example.com'), gatehouse.browser()]
      await signIn(other, 'costly@example.com')
      const costlier = await build(t, { clock, env: { ...gatehouse.env, AUTH_ARGON2_TIME: '3' } })
      t.equal((await signIn(costlier.browser(), 'costly@example.com')).status, 200)
      for (const browser of [window, other])
        t.equal(await isKnown(gatehouse, browser, 'costly@example.com'), true)
    })

    t.test('under a new master key the previous one’s marks count', async (t) => {
      const [old, fresh] = [1, 2].map(() => randomBytes(48).toString('base64url')) as [string, string]
      const first = await build(t, { engine, clock, env: { ...env, AUTH_MASTER_KEY: old } })
      const value = (await first.signUp('keys@example.com')).value('device')
      const keys = { AUTH_MASTER_KEY: fresh, AUTH_MASTER_KEY_PREVIOUS: old }
      const next = await build(t, { clock, env: { ...first.env, ...keys } })
      t.equal(await isKnown(next, deviceOnly(next, value), 'keys@example.com'), true)
    })

    t.test('no hostile device cookie helps, or harms', async (t) => {
      const window = await gatehouse.signUp('target@example.com')
      const eve = await gatehouse.signUp('eve@example.com')
      const genuine = window.value('device')
      const bytes = Buffer.from(genuine, 'base64url')
      const { user } = (await window.get('/auth/me')).body
      const body = bytes.subarray(0, 20)
      const mac = createHmac('sha256', randomBytes(32)).update(body).update(`0 ${user.id}`).digest()
      const hostile: Record<string, string> = {
        'another account’s': eve.value('device'),
        'under another key': Buffer.concat([body, mac]).toString('base64url'),
        'without a MAC': body.toString('base64url'),
        truncated: genuine.slice(0, -1),
        'too long': `${genuine}A`,
        'padded to 4 kB': 'A'.repeat(4096),
        'of 58 forged marks': Array.from({ length: 58 }, () => randomBytes(52).toString('base64url')).join(
          '.'
        ),
        'nothing but separators': '.'.repeat(4000),
        'percent signs': '%'.repeat(300),
        empty: ''
      }
      for (let attempt = 0; attempt < LIMIT; attempt += 1)
        await signIn(gatehouse.browser(), 'target@example.com', wrong)
      for (const [what, value] of Object.entries(hostile)) {
        const answer = await signIn(deviceOnly(gatehouse, value), 'target@example.com')
        t.strictSame(refusalOf(answer), refusal(429, 'rate_limited'), what)
        const own = deviceOnly(gatehouse, value)
        t.equal((await signIn(own, 'eve@example.com')).status, 200, `${what}: its owner signs in elsewhere`)
        t.ok(own.value('device').length <= 354, `${what}: what is set is bounded`)
      }
      t.equal((await signIn(deviceOnly(gatehouse, genuine), 'target@example.com')).status, 200)
    })

    t.test('an address without account is answered as one with, with any device cookie', async (t) => {
      const known = await gatehouse.signUp('known@example.com')
      const stranger = await gatehouse.signUp('somebody@example.com')
      const answersOf = async (email: string, device?: string) => {
        const answers = []
        for (let attempt = 0; attempt < LIMIT + 2; attempt += 1) {
          const window = device === undefined ? gatehouse.browser() : deviceOnly(gatehouse, device)
          const answer = await signIn(window, email, wrong)
          const { 'x-request-id': _id, date: _date, ...headers } = answer.headers
          answers.push({ ...refusalOf(answer), headers })
        }
        return answers
      }
      for (const device of [undefined, stranger.value('device'), 'x'.repeat(70)]) {
        const { user } = (await known.get('/auth/me')).body
        const seen = await answersOf('known@example.com', device)
        const unseen = await answersOf(`nobody-${device?.slice(0, 3)}@example.com`, device)
        t.strictSame(unseen, seen)
        await signIn(root, 'root@example.com')
        t.equal((await root.post(`/admin/users/${user.id}/unlock`)).status, 204)
      }
    })
  })
}
