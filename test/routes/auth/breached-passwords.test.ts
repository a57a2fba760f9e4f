import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { MINUTE } from '../../../domain/clock.ts'
import { build, password, type Teardown } from '../../harness/build.ts'
import { gatehouse } from '../../harness/command.ts'
import { captureLog, said } from '../../harness/log.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'
import { counts, withToken } from '../../harness/scrape.ts'

const BREACHED = 'velvet lantern drifts sideways'
const OTHER = 'copper kettles hum at dusk'
const DETAIL = 'This password is known from a data breach: never use it again, here or elsewhere.'

const sha1 = (text: string) => createHash('sha1').update(text).digest('hex').toUpperCase()
const entry = (text: string, count: number) => `${sha1(text).slice(5)}:${count}`
const refused = (pointer: string) =>
  refusal(422, 'weak_password', { errors: [{ pointer, code: 'breached', detail: DETAIL }] })

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** A range API that answers as the test says. */
async function startApi(t: Teardown) {
  const asked: Array<{ url: string | undefined; padding: string | string[] | undefined }> = []
  const api = { answer: (() => {}) as Answer, asked, url: '' }
  const server = createServer((request, response) => {
    asked.push({ url: request.url, padding: request.headers['add-padding'] })
    api.answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  api.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/range/`
  return api
}

t.test('breached passwords', async (t) => {
  const api = await startApi(t)
  let elapsed = 0
  const { log, lines } = captureLog()
  const env = { ...withToken, AUTH_BREACH_CHECK_URL: api.url }
  const service = await build(t, { env, log, monotonic: () => elapsed })
  const { browser, clock } = service
  const ok: Answer = (_request, response) =>
    response.end([entry('padding', 0), entry(BREACHED, 3), ''].join('\r\n'))
  let people = 0
  const register = (chosen: string) => {
    people += 1
    return browser().post('/auth/register', { email: `p${people}@example.com`, password: chosen })
  }
  const warnings = () => said(lines, 'AUTH_BREACH_CHECK_URL').length
  const outcomes = () => counts(service, 'gatehouse_breach_checks_total')

  await t.test('a password known from a breach is refused wherever one is chosen', async (t) => {
    api.answer = ok
    const setUp = await service.app.accounts.firstAdministrator.issueLink()
    const email = 'root@example.com'
    const root = browser()
    const first = await root.post('/auth/setup', { token: setUp?.token, email, password: BREACHED })
    t.strictSame(refusalOf(first), refused('/password'))
    await root.post('/auth/setup', { token: setUp?.token, email, password })
    t.strictSame(refusalOf(await register(BREACHED)), refused('/password'))
    const change = { currentPassword: password, newPassword: BREACHED }
    t.strictSame(refusalOf(await root.put('/auth/password', change)), refused('/newPassword'))
    const { passwordLink } = (await root.post('/admin/users', { email: 'bob@example.com' })).body
    const redeem = { token: passwordLink.token, password: BREACHED }
    t.strictSame(refusalOf(await browser().post('/auth/password/reset', redeem)), refused('/password'))
    t.equal((await browser().post('/auth/password/reset', { ...redeem, password: OTHER })).status, 204)
    const command = ['admin', 'create', '--email', 'eve@example.com', '--password-stdin']
    const { code, stderr } = await gatehouse(command, service.env, BREACHED)
    t.equal(code, 1)
    t.match(stderr, DETAIL)
  })

  await t.test('the API sees five characters of a hash, and is asked for padding', async (t) => {
    api.answer = ok
    api.asked.length = 0
    await register(BREACHED)
    t.strictSame(api.asked, [{ url: `/range/${sha1(BREACHED).slice(0, 5)}`, padding: 'true' }])
  })

  await t.test('a password that is weak by itself is not asked about', async (t) => {
    api.asked.length = 0
    t.equal((await register('password1234')).status, 422)
    t.strictSame(api.asked, [])
  })

  await t.test('an entry with the count 0 is padding', async (t) => {
    api.answer = (_request, response) => response.end(`${entry(BREACHED, 0)}\r\n`)
    t.equal((await register(BREACHED)).status, 201)
    t.equal(warnings(), 0)
  })

  let sent = 0
  const much = `${entry(BREACHED, 3)}\r\n`.repeat(1000)
  const failures: Record<string, Answer> = {
    'an error': (_request, response) => response.writeHead(500).end(entry(BREACHED, 3)),
    'no list': (_request, response) => response.end('<html>Sign in to the network</html>'),
    'an endless body': (_request, response) => {
      const send = () => {
        while (!response.destroyed && response.write(much)) sent += much.length
      }
      response.on('drain', send)
      send()
    },
    'a redirect': (_request, response) => response.writeHead(302, { location: '/range/here' }).end(),
    'a broken connection': (request) => request.socket.destroy(),
    'no answer': () => {},
    'a body that does not end': (_request, response) => response.write(`${entry(BREACHED, 3)}\r\n`)
  }
  for (const [name, answer] of Object.entries(failures)) {
    await t.test(`${name} lets the password pass`, async (t) => {
      api.answer = answer
      api.asked.length = 0
      const { unknown = 0 } = await outcomes()
      t.equal((await register(BREACHED)).status, 201)
      t.equal(api.asked.length, 1)
      t.equal((await outcomes()).unknown, unknown + 1)
    })
  }

  await t.test('of an endless body no more is read than a range may have', (t) => {
    t.ok(sent < 8 * 1024 * 1024, `${sent} bytes sent`)
    t.end()
  })

  await t.test('an outage is one warning a minute, without the password or its hash', async (t) => {
    t.equal(warnings(), 1)
    api.answer = failures['an error'] as Answer
    elapsed += MINUTE
    clock.advance(MINUTE)
    await register(BREACHED)
    await register(BREACHED)
    t.equal(warnings(), 2)
    const text = JSON.stringify(lines)
    for (const secret of [BREACHED, sha1(BREACHED).slice(5), sha1(BREACHED).slice(0, 5)])
      t.notOk(text.includes(secret))
  })
})

t.test('without the setting no password is looked up', async (t) => {
  const { app, signUp } = await build(t)
  t.equal(app.isBreached, undefined)
  await signUp()
})
