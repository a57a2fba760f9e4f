import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { FastifyInstance } from 'fastify'
import type { BrowserContext, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { Browser } from '../harness/browser.ts'
import { build, password } from '../harness/build.ts'
import { type Certificate, certificates } from '../harness/certificate.ts'
import { chromium, newProfile } from '../harness/chromium.ts'
import { freePort } from '../harness/port.ts'

/** More cookies than Chromium keeps for a site. */
const JARFUL = 400
const AS_THE_ATTACKER = 'evil@example.com'

/** Gatehouse, an app of its own origin, and a hostile host of the same site, each over https. */
interface Site {
  app: FastifyInstance
  auth: string
  shop: string
  evil: string
  /** The Set-Cookie lines that the hostile host answers with. */
  tosses: string[]
  /** The cookies of the attacker's own session. */
  attacker: Browser
}

async function serve(t: Test, port: number, { cert, key }: Certificate, listener: RequestListener) {
  const server = createServer({ cert, key }, listener)
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
}

async function openSite(t: Test): Promise<Site> {
  const [authPort, shopPort, evilPort] = [await freePort(), await freePort(), await freePort()]
  const auth = `https://auth.site.test:${authPort}`
  const shop = `https://shop.site.test:${shopPort}`
  const evil = `https://evil.site.test:${evilPort}`
  const service = await build(t, { env: { AUTH_ISSUER: auth, AUTH_ALLOWED_ORIGINS: shop } })
  const certificate = await certificates.make(t, 1)
  const tosses: string[] = []
  const page: RequestListener = (_request, response) => {
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>page</title>')
  }
  await serve(t, Number(authPort), certificate, (request, response) => service.app.routing(request, response))
  await serve(t, Number(shopPort), certificate, page)
  await serve(t, Number(evilPort), certificate, (request, response) => {
    response.setHeader('set-cookie', tosses)
    page(request, response)
  })
  const attacker = await service.signUp(AS_THE_ATTACKER)
  return { app: service.app, auth, shop, evil, tosses, attacker }
}

/** A call of the shop's page to Gatehouse, with the browser's own cookies. */
function call(page: Page, auth: string, method: string, path: string, body?: object) {
  return page.evaluate(
    async ({ url, method, body }) => {
      const response = await fetch(url, {
        method,
        credentials: 'include',
        ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
      })
      const text = await response.text()
      return {
        status: response.status,
        email: text.startsWith('{') ? JSON.parse(text).user?.email : undefined
      }
    },
    { url: auth + path, method, body }
  )
}

/** A browser in which somebody has signed up at the shop, and its page. */
async function signUp(t: Test, { auth, shop }: Site, email: string) {
  const browser = await chromium.launch(t, ['--host-resolver-rules=MAP *.site.test 127.0.0.1'])
  const profile = await newProfile(t, browser, { ignoreHTTPSErrors: true })
  const page = await profile.newPage()
  await page.goto(shop)
  t.equal((await call(page, auth, 'POST', '/auth/register', { email, password })).status, 201)
  return { profile, page }
}

/** Has the browser visit the hostile host, which sets these cookies for the whole site. */
async function toss(profile: BrowserContext, site: Site, lines: string[]): Promise<void> {
  for (let from = 0; from < lines.length; from += 100) {
    site.tosses.splice(0, site.tosses.length, ...lines.slice(from, from + 100))
    const page = await profile.newPage()
    await page.goto(site.evil)
    await page.close()
  }
}

/** Every cookie of the attacker's session, under each name that may be taken for one of ours, on every path that matters. */
function plantsOf({ attacker }: Site): string[] {
  return [...attacker.cookies].flatMap(([name, { value }]) =>
    [name, `\u00a0${name}`, name.replace('__Host-', '__Secure-'), name.replace(/^__\w+-/, '')].flatMap(
      (each) =>
        ['/', '/auth', '/auth/me', '/auth/refresh', '/auth/logout'].map(
          (path) => `${each}=${value}; Domain=site.test; Path=${path}; Secure; HttpOnly`
        )
    )
  )
}

/** The cookies that the browser has for Gatehouse, in a browser of the test's own. */
async function copyOf(profile: BrowserContext, { app, auth }: Site): Promise<Browser> {
  const copy = new Browser(app)
  for (const { name, value, domain, path } of await profile.cookies(`${auth}/auth/refresh`)) {
    if (domain === 'auth.site.test') copy.cookies.set(name, { value, path })
  }
  return copy
}

const skip = chromium.missing || certificates.missing

t.test('cookies that a hostile host of the same site sets, in Chromium', { skip }, async (t) => {
  const site = await openSite(t)
  const { auth } = site

  await t.test('never put the victim into the attacker’s session', async (t) => {
    const { profile, page } = await signUp(t, site, 'ada@example.com')
    await toss(profile, site, plantsOf(site))
    const planted = (await profile.cookies(`${auth}/auth/refresh`)).filter(
      ({ domain }) => domain === '.site.test'
    )
    t.ok(planted.length > 0, `${planted.length} planted cookies are sent along`)
    for (const [method, path] of [
      ['GET', '/auth/me'],
      ['POST', '/auth/refresh'],
      ['GET', '/auth/me'],
      ['POST', '/auth/refresh'],
      ['GET', '/auth/me']
    ] as const)
      t.strictSame(await call(page, auth, method, path), { status: 200, email: 'ada@example.com' }, path)
  })

  await t.test('do not keep a sign-out from ending the victim’s session', async (t) => {
    const { profile, page } = await signUp(t, site, 'bob@example.com')
    const copy = await copyOf(profile, site)
    t.equal((await copy.get('/auth/me')).status, 200)
    await toss(profile, site, plantsOf(site))
    t.equal((await call(page, auth, 'POST', '/auth/logout')).status, 204)
    t.equal((await copy.get('/auth/me')).status, 401)
    t.equal((await copy.post('/auth/refresh')).status, 401)
    t.equal((await call(page, auth, 'GET', '/auth/me')).status, 401)
  })

  await t.test('give the attacker nothing when they have pushed the victim’s out of the jar', async (t) => {
    const again = await openSite(t)
    const { profile, page } = await signUp(t, again, 'carol@example.com')
    const before = (await profile.cookies(`${again.auth}/auth/refresh`)).length
    const flood = Array.from({ length: JARFUL }, (_, n) => `flood${n}=x; Domain=site.test; Path=/; Secure`)
    await toss(profile, again, flood)
    await toss(profile, again, plantsOf(again))
    const own = (await copyOf(profile, again)).cookies.size
    t.comment(`${before} cookies before, ${own} of them left`)
    for (const [method, path] of [
      ['GET', '/auth/me'],
      ['POST', '/auth/refresh'],
      ['GET', '/auth/me'],
      ['POST', '/auth/logout-all']
    ] as const) {
      const { status, email } = await call(page, again.auth, method, path)
      t.not(email, AS_THE_ATTACKER, path)
      t.ok([200, 204, 401].includes(status), `${path} answered ${status}`)
    }
  })
})
