import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { BrowserContext, Page } from 'playwright-core'
import t from 'tap'
import { build, password, type Teardown } from '../harness/build.ts'
import { chromium, collectComplaints, newProfile } from '../harness/chromium.ts'

const MINUTE = 60_000
const ROUNDS = 20

t.test(
  'the example app, in a real browser on an origin of its own',
  { skip: chromium.missing },
  async (t) => {
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
        'refresh'
      ])
      t.equal(await page.evaluate('document.cookie'), '')
      t.equal(await page.evaluate('localStorage.length + sessionStorage.length'), 0)
      await page.goto(`${gatehouse}/auth/setup`)
      t.equal(await page.evaluate('document.cookie'), '')
    })

    await t.test(
      'refreshes silently when the access cookie is gone, once for calls made together',
      async (t) => {
        const { profile, page } = await signUp(t, 'silent@example.com')
        const refreshes = countRefreshes(page)
        await profile.clearCookies({ name: 'access' })
        await reload(page)
        await signedInAs(page, 'silent@example.com')
        t.strictSame(refreshes, [200])
      }
    )

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
      await app.administration.roles.set({ name: 'buyer', description: '', scope: ['orders:read'] }, operator)
      await app.administration.users.changeUser(user?.id ?? '', { roles: ['user', 'buyer'] }, operator)
      await reload(page)
      t.match(await page.locator('#roles').textContent(), /buyer/)
      t.strictSame(refreshes, [200])
    })

    await t.test(
      `keeps two tabs signed in that refresh at the same time, ${ROUNDS} times over`,
      async (t) => {
        const { profile, page: first } = await signUp(t, 'tabs@example.com')
        const second = await openApp(profile)
        await pairRefreshes(profile)
        const [ofFirst, ofSecond] = [countRefreshes(first), countRefreshes(second)]
        for (let round = 0; round < ROUNDS; round++) {
 process.stderr.write(`r ${round} ${performance.now()|0} ${ofFirst} | ${ofSecond}\n`)

          await profile.clearCookies({ name: 'access' })
          await Promise.all([first, second].map(reload))
        }
        t.strictSame(ofFirst, Array(ROUNDS).fill(200))
        t.strictSame(ofSecond, Array(ROUNDS).fill(200))
      }
    )

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

    await t.test(
      'asks for the password again before a sensitive change long after the sign-in',
      async (t) => {
        const { page } = await signUp(t, 'late@example.com')
        clock.advance(11 * MINUTE)
        await page.getByRole('button', { name: 'End the session of: This browser' }).click()
        await page.getByRole('dialog').getByLabel('Password').fill(password)
        await page.getByRole('button', { name: 'Confirm' }).click()
        await signedOut(page)
      }
    )

    await t.test('changes nothing when the password is not given again', async (t) => {
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
      t.strictSame(await profile.cookies(), [])
      await page.reload()
      await signedOut(page)
      await profile.addCookies(old)
      const { status } = await answerTo(page, '/auth/me', () => page.reload())
      t.equal(status, 401)
      await signedOut(page)
    })

    for (const host of ['localhost', '127.0.0.1']) {
      await t.test(
        `lets a page on ${host} with an origin that is not allowed neither read nor sign out`,
        async (t) => {
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
        }
      )
    }
  }
)

async function fillIn(page: Page, email: string, secret = password): Promise<void> {
  const form = page.locator('#sign-in')
  await form.getByLabel('E-mail address').fill(email)
  await form.getByLabel('Password').fill(secret)
}

// As an event and polled by time: a tab in the background paints too seldom for a real click.
async function reload(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Reload' }).dispatchEvent('click')
  await settled(page)
}

async function settled(page: Page): Promise<void> {
  await page.waitForFunction("document.body.ariaBusy === 'false'", undefined, { polling: 10 })
}

async function signedInAs(page: Page, email: string): Promise<void> {
  await page.locator('#signed-in').getByText(email).waitFor()
}

async function signedOut(page: Page): Promise<void> {
  await page.getByRole('status').getByText('You are signed out.').waitFor()
  await page.locator('#sign-in').waitFor()
}

/** The statuses of the refreshes that a page makes from now on. */
function countRefreshes(page: Page): number[] {
  const statuses: number[] = []
  page.on('response', (response) => {
    if (response.url().endsWith('/auth/refresh')) statuses.push(response.status())
  })
  return statuses
}

async function answerTo(page: Page, path: string, action: () => Promise<unknown>) {
  const [response] = await Promise.all([
    page.waitForResponse((candidate) => candidate.url().endsWith(path)),
    action()
  ])
  return { status: response.status() }
}

/** Has the refreshes of a profile's tabs reach Gatehouse in pairs: each waits until there is another. */
async function pairRefreshes(profile: BrowserContext): Promise<void> {
  let partner: (() => void) | undefined
  await profile.route('**/auth/refresh', async (route) => {
    const { promise: paired, resolve } = Promise.withResolvers<void>()
    if (partner) {
      partner()
      partner = undefined
    } else {
      partner = resolve
      await paired
    }
    await route.continue()
  })
}

async function serveApp(t: Teardown, port: number, gatehouse: string): Promise<void> {
  const script = fileURLToPath(new URL('../../examples/spa/serve.js', import.meta.url))
  const env = { ...process.env, PORT: String(port), GATEHOUSE_URL: gatehouse }
  const child = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(async () => {
    const exited = once(child, 'exit')
    child.kill()
    await exited
  })
  await once(child.stdout, 'data')
}

/** A page of somebody else's with a form that signs its visitors out of Gatehouse. Returns its port. */
async function serveStranger(t: Teardown, gatehouse: string): Promise<number> {
  const page = `<!doctype html><form method="post" action="${gatehouse}/auth/logout"><button>Win</button></form>`
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end(page)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
