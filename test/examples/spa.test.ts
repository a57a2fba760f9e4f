import type { AddressInfo } from 'node:net'
import type { BrowserContext, Page } from 'playwright-core'
import t from 'tap'
import { build, password, type Teardown } from '../harness/build.ts'
import { chromium, collectComplaints, newProfile } from '../harness/chromium.ts'
import { freePort } from '../harness/port.ts'
import {
  countRefreshes,
  fillIn,
  pairRefreshes,
  reload,
  serveApp,
  serveStranger,
  settled,
  signedInAs,
  signedOut
} from './spa.ts'

const MINUTE = 60_000
const ROUNDS = 8

const cookiesOf = async (profile: BrowserContext) => (await profile.cookies()).map(({ name }) => name)

t.test('the example app in a real browser', { skip: chromium.missing }, async (t) => {
  const appPort = await freePort()
  const appUrl = `http://localhost:${appPort}`
  const { app, clock } = await build(t, { env: { AUTH_ALLOWED_ORIGINS: appUrl } })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const gatehouse = `http://localhost:${(app.server.address() as AddressInfo).port}`
  await serveApp(t, appPort, gatehouse)
  const browser = await chromium.launch(t)

  async function openApp(profile: BrowserContext): Promise<Page> {
    const page = await profile.newPage()
    await page.goto(appUrl)
    await settled(page)
    return page
  }

  async function signUp(t: Teardown, email: string) {
    const profile = await newProfile(t, browser)
    const page = await openApp(profile)
    await fillIn(page, email)
    await page.getByRole('button', { name: 'Sign up' }).click()
    await signedInAs(page, email)
    return { profile, page }
  }

  await t.test('signs up, shows who is signed in, and still does after a reload', async (t) => {
    const { page } = await signUp(t, 'ada@example.com')
    t.equal(await page.locator('#roles').textContent(), 'user')
    t.match(await page.getByRole('listitem').textContent(), /This browser, last used .*\d/)
    await page.reload()
    await signedInAs(page, 'ada@example.com')
  })

  await t.test('keeps its console clean while somebody is signed in', async (t) => {
    const { profile } = await signUp(t, 'clean@example.com')
    const page = await profile.newPage()
    const complaints = collectComplaints(page)
    await page.goto(appUrl)
    await signedInAs(page, 'clean@example.com')
    await reload(page)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await signedOut(page)
    t.strictSame(complaints, [])
  })

  await t.test('hides both tokens from script, on its own origin and on that of Gatehouse', async (t) => {
    const { profile, page } = await signUp(t, 'hidden@example.com')
    t.strictSame((await profile.cookies(`${gatehouse}/auth`)).map(({ name }) => name).sort(), [
      'access',
      'device',
      'refresh',
      'session'
    ])
    t.equal(await page.evaluate('document.cookie'), '')
    t.equal(await page.evaluate('localStorage.length + sessionStorage.length'), 0)
    await page.goto(`${gatehouse}/auth/setup`)
    t.equal(await page.evaluate('document.cookie'), '')
  })

  await t.test('refreshes silently without an access cookie, once for calls made together', async (t) => {
    const { profile, page } = await signUp(t, 'silent@example.com')
    const refreshes = countRefreshes(page)
    await profile.clearCookies({ name: 'access' })
    await reload(page)
    await signedInAs(page, 'silent@example.com')
    t.strictSame(refreshes, [200])
  })

  await t.test('refreshes silently when the access token has run out', async (t) => {
    const { page } = await signUp(t, 'expired@example.com')
    const refreshes = countRefreshes(page)
    clock.advance(6 * MINUTE)
    await reload(page)
    await signedInAs(page, 'expired@example.com')
    t.strictSame(refreshes, [200])
  })

  await t.test('refreshes silently when a role was given meanwhile, and shows it', async (t) => {
    const { page } = await signUp(t, 'promoted@example.com')
    const refreshes = countRefreshes(page)
    const user = await app.store.users.findByEmail('promoted@example.com')
    const operator = {
      caller: { actorId: 'test', ip: null, userAgent: null, requestId: null },
      scope: ['orders:read']
    }
    await app.roles.set({ name: 'buyer', description: '', scope: ['orders:read'] }, operator)
    await app.accounts.administration.changeUser(user?.id ?? '', { roles: ['user', 'buyer'] }, operator)
    await reload(page)
    t.match(await page.locator('#roles').textContent(), /buyer/)
    t.strictSame(refreshes, [200])
  })

  await t.test(`keeps two tabs signed in that refresh at once, ${ROUNDS} times over`, async (t) => {
    const { profile, page: first } = await signUp(t, 'tabs@example.com')
    const second = await openApp(profile)
    await pairRefreshes(profile)
    const [ofFirst, ofSecond] = [countRefreshes(first), countRefreshes(second)]
    for (let round = 0; round < ROUNDS; round++) {
      await profile.clearCookies({ name: 'access' })
      await Promise.all([first, second].map(reload))
    }
    t.strictSame(ofFirst, Array(ROUNDS).fill(200))
    t.strictSame(ofSecond, Array(ROUNDS).fill(200))
  })

  await t.test('shows the other devices and ends one of them', async (t) => {
    const { page: laptop } = await signUp(t, 'devices@example.com')
    const phone = await openApp(await newProfile(t, browser))
    await fillIn(phone, 'devices@example.com')
    await phone.getByRole('button', { name: 'Sign in' }).click()
    await signedInAs(phone, 'devices@example.com')
    await reload(laptop)
    t.equal(await laptop.getByRole('listitem').count(), 2)
    await laptop.getByRole('button', { name: /^End the session of: Mozilla/ }).click()
    await settled(laptop)
    t.equal(await laptop.getByRole('listitem').count(), 1)
    await reload(phone)
    await signedOut(phone)
  })

  await t.test('asks for the password before a sensitive change long after the sign-in', async (t) => {
    const { profile, page } = await signUp(t, 'late@example.com')
    clock.advance(11 * MINUTE)
    await page.getByRole('button', { name: 'End the session of: This browser' }).click()
    await page.getByRole('dialog').getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Confirm' }).click()
    await signedOut(page)
    t.strictSame(await cookiesOf(profile), ['device'], 'a known browser is signed out')
  })

  await t.test('changes nothing when that password is not given', async (t) => {
    const { page } = await signUp(t, 'cancel@example.com')
    clock.advance(11 * MINUTE)
    await page.getByRole('button', { name: 'End the session of: This browser' }).click()
    await page.getByRole('button', { name: 'Cancel' }).click()
    await settled(page)
    t.equal(await page.getByRole('status').textContent(), 'Nothing was changed.')
    await reload(page)
    await signedInAs(page, 'cancel@example.com')
  })

  await t.test('says why a sign-in was refused', async (t) => {
    const page = await openApp(await newProfile(t, browser))
    await fillIn(page, 'nobody@example.com')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await settled(page)
    t.equal(await page.getByRole('status').textContent(), 'The e-mail address or the password is wrong.')
  })

  await t.test('says why a password was refused', async (t) => {
    const page = await openApp(await newProfile(t, browser))
    await fillIn(page, 'weak@example.com', 'too short')
    await page.getByRole('button', { name: 'Sign up' }).click()
    await settled(page)
    t.equal(
      await page.getByRole('status').textContent(),
      'Choose another password. Use 12 characters or more.'
    )
  })

  await t.test('stays signed out after a reload, and with the old cookies put back', async (t) => {
    const { profile, page } = await signUp(t, 'gone@example.com')
    const old = await profile.cookies()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await signedOut(page)
    t.strictSame(await cookiesOf(profile), ['device'], 'a known browser is signed out')
    await page.reload()
    await signedOut(page)
    await profile.addCookies(old)
    const answered = page.waitForResponse(`${gatehouse}/auth/me`)
    await page.reload()
    t.equal((await answered).status(), 401)
    await signedOut(page)
  })

  await t.test('says so on an origin that Gatehouse does not allow', async (t) => {
    const page = await (await newProfile(t, browser)).newPage()
    await page.goto(`http://127.0.0.1:${appPort}`)
    await settled(page)
    const status = await page.getByRole('status').textContent()
    t.equal(status, 'Gatehouse cannot be reached, or does not allow this origin.')
  })

  await t.test('is served under a policy, and without other files', async (t) => {
    const response = await fetch(appUrl)
    t.match(response.headers.get('content-security-policy'), `connect-src ${gatehouse};`)
    for (const path of ['/serve.js', '/README.md', '/%2e%2e/%2e%2e/package.json', '/constructor']) {
      t.equal((await fetch(appUrl + path)).status, 404, path)
    }
  })

  for (const host of ['localhost', '127.0.0.1']) {
    await t.test(`lets another origin on ${host} neither read nor sign out`, async (t) => {
      const { profile, page } = await signUp(t, `victim-${host}@example.com`)
      const stranger = await profile.newPage()
      await stranger.goto(`http://${host}:${await serveStranger(t, gatehouse)}`)

      const read = `fetch('${gatehouse}/auth/me', { credentials: 'include' }).then((r) => r.text(), (e) => e.name)`
      t.equal(await stranger.evaluate(read), 'TypeError')

      const answered = stranger.waitForResponse(`${gatehouse}/auth/logout`)
      await stranger.locator('button').click()
      const refusal = await answered
      t.equal(refusal.status(), 403)
      t.match(await refusal.json(), { code: 'cross_site_request' })
      const { cookie = '' } = await refusal.request().allHeaders()
      // Lax cookies go along within the site: there it is the check of the origin alone that protects.
      t.equal(cookie.includes('refresh='), host === 'localhost')

      await reload(page)
      await signedInAs(page, `victim-${host}@example.com`)
    })
  }
})
