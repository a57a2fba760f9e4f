import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { BrowserContext, Page } from 'playwright-core'
import { password, type Teardown } from '../harness/build.ts'

/** Fills in the sign-in form of the example app. */
export async function fillIn(page: Page, email: string, secret = password): Promise<void> {
  const form = page.locator('#sign-in')
  await form.getByLabel('E-mail address').fill(email)
  await form.getByLabel('Password').fill(secret)
}

/** Has the page ask Gatehouse again. By an event, and polled by time: a tab in the background paints too seldom for a click. */
export async function reload(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Reload' }).dispatchEvent('click')
  await settled(page)
}

/** Waits until nothing that the page began is under way. */
export async function settled(page: Page): Promise<void> {
  const body = await page.locator('body').elementHandle()
  await page.waitForFunction((element) => element?.ariaBusy === 'false', body, { polling: 10 })
}

export async function signedInAs(page: Page, email: string): Promise<void> {
  await page.locator('#signed-in').getByText(email).waitFor()
}

export async function signedOut(page: Page): Promise<void> {
  await page.getByRole('status').getByText('You are signed out.').waitFor()
  await page.locator('#sign-in').waitFor()
}

/** The statuses of the refreshes that a page makes from now on. */
export function countRefreshes(page: Page): number[] {
  const statuses: number[] = []
  page.on('response', (response) => {
    if (response.url().endsWith('/auth/refresh')) statuses.push(response.status())
  })
  return statuses
}

/** Has the refreshes of a profile's tabs reach Gatehouse in pairs: each waits until there is another. */
export async function pairRefreshes(profile: BrowserContext): Promise<void> {
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

/** Runs the app's own server, as its README says. */
export async function serveApp(t: Teardown, port: number, gatehouse: string): Promise<void> {
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
export async function serveStranger(t: Teardown, gatehouse: string): Promise<number> {
  const page = `<!doctype html><form method="post" action="${gatehouse}/auth/logout"><button>Win</button></form>`
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end(page)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}
