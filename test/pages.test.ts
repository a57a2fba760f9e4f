import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Page } from 'playwright-core'
import t from 'tap'
import { build, password, type Teardown } from './harness/build.ts'
import { chromium, collectComplaints, newProfile } from './harness/chromium.ts'
import { freePort } from './harness/port.ts'

const WEAK = 'Choose another password. Use 12 characters or more.'
const USED = 'The one-time link is not valid or has been used.'
const NEW_PASSWORD = 'four unrelated words together'

t.test('pages of one-time links and of the API, in a real browser', { skip: chromium.missing }, async (t) => {
  const browser = await chromium.launch(t)

  async function newPage(t: Teardown): Promise<Page> {
    return (await newProfile(t, browser)).newPage()
  }

  await t.test('set-up', async (t) => {
    const { app } = await build(t)
    const url = await listen(app)
    const { token = '' } = (await app.accounts.firstAdministrator.issueLink()) ?? {}
    const link = `${url}/auth/setup#token=${token}`

    await t.test('opening the link twice spends nothing and shows a form, without a complaint', async (t) => {
      const profile = await newProfile(t, browser)
      for (let visit = 1; visit <= 2; visit++) {
        const page = await profile.newPage()
        const complaints = collectComplaints(page)
        await page.goto(link)
        await page.getByRole('heading', { name: 'Make the first administrator' }).waitFor()
        t.equal(await page.getByLabel('E-mail address').count(), 1)
        t.strictSame(complaints, [])
      }
      t.equal(await app.store.users.countAdministrators(), 0)
    })

    await t.test('the token never leaves the browser before the form is sent', async (t) => {
      const page = await newPage(t)
      const asked: string[] = []
      page.on('request', (request) => asked.push(`${request.url()} ${request.headers().referer ?? ''}`))
      await page.goto(link)
      await page.waitForLoadState('networkidle')
      t.ok(asked.length >= 3, 'page, script and style were asked for')
      // Playwright shows the fragment of a document's address, which browsers don't send.
      t.notOk(asked.slice(1).some((request) => request.includes(token)))
    })

    await t.test('a weak password is refused with its reason and does not spend the token', async (t) => {
      const page = await newPage(t)
      await page.goto(link)
      await page.getByLabel('E-mail address').fill('root@example.com')
      await submit(page, 'short')
      await page.getByRole('status').getByText(WEAK).waitFor()
      t.equal(await app.store.users.countAdministrators(), 0)
    })

    await t.test(
      'the form makes the first administrator, signed in, and leaves no token in the address',
      async (t) => {
        const page = await newPage(t)
        await page.goto(link)
        await page.getByLabel('E-mail address').fill('root@example.com')
        await submit(page, password)
        await page.getByRole('status').getByText('You are the first administrator, and signed in.').waitFor()
        t.equal(page.url(), `${url}/auth/setup`)
        t.equal(await page.locator('input').count(), 0)
        t.equal(await page.evaluate('document.cookie'), '')
        const me = await page.goto(`${url}/auth/me`)
        t.match(await me?.json(), { user: { email: 'root@example.com' }, roles: ['admin'] })
      }
    )

    await t.test('the link is of no use afterwards', async (t) => {
      const page = await newPage(t)
      await page.goto(link)
      await page.getByLabel('E-mail address').fill('second@example.com')
      await submit(page, password)
      await page.getByRole('status').getByText('An administrator exists already.').waitFor()
      t.equal(await app.store.users.countAdministrators(), 1)
    })
  })

  await t.test('choice of a password', async (t) => {
    const { app, setUp, signUp, browser: client } = await build(t)
    const url = await listen(app)
    const root = await setUp()
    const ada = await signUp('ada@example.com')
    const { user } = (await ada.get('/auth/me')).body
    const answer = await root.post(`/admin/users/${user.id}/password-reset`)
    t.equal(answer.status, 201)
    const link = `${url}/auth/password/reset#token=${answer.body.token}`

    await t.test('opening the link twice spends nothing and asks for a password alone', async (t) => {
      const profile = await newProfile(t, browser)
      for (let visit = 1; visit <= 2; visit++) {
        const page = await profile.newPage()
        const complaints = collectComplaints(page)
        await page.goto(link)
        await page.getByRole('heading', { name: 'Choose a password' }).waitFor()
        t.equal(await page.getByLabel('E-mail address').count(), 0)
        t.strictSame(complaints, [])
      }
      t.equal((await ada.get('/auth/me')).status, 200)
    })

    await t.test('a weak password is refused with its reason and does not spend the token', async (t) => {
      const page = await newPage(t)
      await page.goto(link)
      await submit(page, 'short')
      await page.getByRole('status').getByText(WEAK).waitFor()
      t.equal((await ada.get('/auth/me')).status, 200)
    })

    await t.test('the form sets the password, ends the sessions and signs nobody in', async (t) => {
      const profile = await newProfile(t, browser)
      const page = await profile.newPage()
      await page.goto(link)
      await submit(page, NEW_PASSWORD)
      await page.getByRole('status').getByText('Your password is set: sign in with it.').waitFor()
      t.equal(page.url(), `${url}/auth/password/reset`)
      t.strictSame(
        (await profile.cookies()).map(({ name }) => name),
        ['device']
      )
      t.equal((await ada.get('/auth/me')).status, 401)
      const credentials = { email: 'ada@example.com', password: NEW_PASSWORD }
      t.equal((await client().post('/auth/login', credentials)).status, 200)
    })

    await t.test('the link works once', async (t) => {
      const page = await newPage(t)
      await page.goto(link)
      await submit(page, 'another four words together')
      await page.getByRole('status').getByText(USED).waitFor()
      const credentials = { email: 'ada@example.com', password: NEW_PASSWORD }
      t.equal((await client().post('/auth/login', credentials)).status, 200)
    })
  })

  await t.test('API reference', async (t) => {
    const port = await freePort()
    const { app } = await build(t, { env: { PORT: String(port) } })
    const url = await listen(app, port)
    const { page, complaints } = await openReference(t, url)

    await t.test('lists the endpoints without a complaint', async (t) => {
      for (const operation of ['auth-login', 'admin-listUsers', 'health-getLiveness']) {
        await page.locator(`#operations-${operation}`).waitFor()
      }
      await page.waitForLoadState('networkidle')
      t.strictSame(complaints, [])
    })

    await t.test('calls an endpoint when asked to try it out', async (t) => {
      const operation = page.locator('#operations-health-getLiveness')
      await operation.getByRole('button').first().click()
      await operation.getByRole('button', { name: 'Try it out' }).click()
      const answered = page.waitForResponse(`${url}/livez`)
      await operation.getByRole('button', { name: 'Execute' }).click()
      t.strictSame(await (await answered).json(), { alive: true })
      await operation.locator('.live-responses-table').getByText('"alive": true').waitFor()
    })

    await t.test('may not be framed, nor run what comes from elsewhere', async (t) => {
      const policy = (await fetch(`${url}/docs`)).headers.get('content-security-policy') ?? ''
      t.match(policy, /frame-ancestors 'none'/)
      t.notMatch(policy, /https?:|unsafe-(inline|eval)/)
    })
  })

  async function openReference(t: Teardown, url: string) {
    const page = await newPage(t)
    const complaints = collectComplaints(page)
    await page.goto(`${url}/docs`)
    return { page, complaints }
  }
})

async function submit(page: Page, secret: string): Promise<void> {
  await page.getByLabel('Password').fill(secret)
  await page.getByRole('button', { name: 'Save' }).click()
}

async function listen(app: FastifyInstance, port = 0): Promise<string> {
  await app.listen({ host: '127.0.0.1', port })
  return `http://localhost:${(app.server.address() as AddressInfo).port}`
}
