import { once } from 'node:events'
import { createConnection, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import t from 'tap'
import type { Browser } from '../harness/browser.ts'
import { build, password, type TestApp } from '../harness/build.ts'
import { parseExposition } from '../harness/exposition.ts'
import { captureLog } from '../harness/log.ts'
import { freePort } from '../harness/process.ts'
import { refusal, refusalOf } from '../harness/refusal.ts'
import { FORM, rawBasic, register } from '../oauth/machine.ts'

const TOKEN = 'Kx7vQ2mZ9pLr4tWs6yBd8fGh1jNc3kEa'
const withToken = { AUTH_METRICS: TOKEN }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const HTTP = 'gatehouse_http_request_duration_seconds'

async function scrape({ browser }: TestApp) {
  const { text } = await browser({}).get('/metrics', bearer(TOKEN))
  return parseExposition(text)
}

/** The series of one metric that are not zero: each by its label values, with its value. */
async function counts(service: TestApp, name: string): Promise<Record<string, number>> {
  const samples = (await scrape(service)).get(name)?.samples ?? []
  const named = samples.filter((sample) => sample.name === name && sample.value !== 0)
  return Object.fromEntries(named.map(({ labels, value }) => [Object.values(labels).join(' '), value]))
}

async function gauge(service: TestApp, name: string): Promise<number | undefined> {
  return (await scrape(service)).get(name)?.samples[0]?.value
}

/** The method, route and status of every request measured so far, each with how many there were. */
async function requests(service: TestApp): Promise<Record<string, number>> {
  const samples = (await scrape(service)).get(HTTP)?.samples ?? []
  const totals = samples.filter(({ name }) => name === `${HTTP}_count`)
  return Object.fromEntries(
    totals.map(({ labels: { method, route, status }, value }) => [`${method} ${route} ${status}`, value])
  )
}

const login = (window: Browser, tried = password, email = 'ada@example.com') =>
  window.post('/auth/login', { email, password: tried })

t.test('off, there is nothing at /metrics, and nothing is measured', async (t) => {
  const { app, browser } = await build(t)
  t.strictSame(refusalOf(await browser().get('/metrics')), refusal(404, 'not_found'))
  t.equal(app.instruments, undefined)
  t.equal(app.metricsListener, undefined)
  t.notOk(app.hasDecorator('metrics'), 'fastify-metrics is not there')
})

t.test('with a token', async (t) => {
  const service = await build(t, { env: { ...withToken, AUTH_RATE_LIMIT_PER_IP: '5' } })
  const { app, browser } = service

  await t.test('whoever shows it reads the metrics, as text that nobody keeps', async (t) => {
    const { status, headers, text } = await browser({}).get('/metrics', bearer(TOKEN))
    t.equal(status, 200)
    t.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
    t.equal(headers['cache-control'], 'no-store')
    t.ok(parseExposition(text).has('gatehouse_build_info'))
  })

  await t.test('everybody else is told what every stranger is told', async (t) => {
    const other = `${TOKEN.slice(0, -1)}b`
    const wrong = ['', 'Bearer', `Bearer ${other}`, `Bearer ${TOKEN}x`, `Basic ${TOKEN}`, `Bearer ${TOKEN} x`]
    for (const authorization of wrong) {
      const answer = await browser({}).get('/metrics', { authorization })
      t.strictSame(refusalOf(answer), refusal(401, 'unauthorized'), authorization)
      t.equal(answer.headers['www-authenticate'], 'Bearer')
    }
    t.strictSame(refusalOf(await browser({}).get('/metrics')), refusal(401, 'unauthorized'))
    t.equal((await browser({}).get(`/metrics?token=${TOKEN}`)).status, 401)
  })

  await t.test('no limit keeps Prometheus out', async (t) => {
    for (let n = 0; n < 20; n += 1) t.equal((await browser({}).get('/metrics', bearer(TOKEN))).status, 200)
  })

  await t.test('it is in the API reference', async (t) => {
    t.match(app.swagger().paths?.['/metrics'], { get: { tags: ['health'] } })
  })
})

t.test('a scrape is no line in the log', async (t) => {
  const { log, lines } = captureLog()
  const { browser } = await build(t, { env: withToken, log })
  await browser({}).get('/livez')
  const before = lines.length
  t.ok(before > 0)
  await browser({}).get('/metrics', bearer(TOKEN))
  t.equal(lines.length, before)
})

t.test('what a caller chooses is no label', async (t) => {
  const service = await build(t, { env: withToken })
  const ada = await service.signUp()
  await scrape(service)
  const before = await requests(service)
  const window = service.browser()
  for (const id of ['1', '2', '%22%7D%0Ax', 'Ж'.repeat(9), 'a'.repeat(100)]) {
    await window.get(`/admin/users/${encodeURIComponent(id)}`)
    await window.get(`/nothing/${encodeURIComponent(id)}?q=${encodeURIComponent(id)}`)
    await ada.delete(`/auth/sessions/${encodeURIComponent(id)}`)
  }
  await window.get('/%zz')
  for (const method of ['PROPFIND', 'PURGE', 'TRACE', 'SEARCH']) {
    for (const url of ['/auth/me', '/nothing']) await service.app.inject({ method: method as 'GET', url })
  }
  const after = await requests(service)
  const isNew = (name: string) => !(name in before)
  t.strictSame(Object.keys(after).filter(isNew).sort(), [
    '(other) (none) 404',
    '(other) (none) 405',
    'DELETE /auth/sessions/:id 400',
    'DELETE /auth/sessions/:id 404',
    'GET (none) 404',
    'GET /admin/users/:id 401'
  ])
  t.equal(after['GET (none) 404'], 5)
})

t.test('sign-ins are counted once each, by what they came to', async (t) => {
  const service = await build(t, { env: { ...withToken, AUTH_LOGIN_LIMIT_PER_ACCOUNT: '3' } })
  await service.signUp()
  const window = service.browser()
  const signIns = () => counts(service, 'gatehouse_sign_ins_total')
  t.strictSame(await signIns(), {})
  await login(window)
  t.strictSame(await signIns(), { succeeded: 1 })
  for (const tried of ['wrong', 'wrong again', 'and again']) await login(service.browser(), tried)
  t.strictSame(await signIns(), { succeeded: 1, failed: 3 })
  t.equal((await login(service.browser())).status, 429)
  t.strictSame(await signIns(), { succeeded: 1, failed: 3, throttled: 1 })
  await window.post('/auth/login', { email: 'ada@example.com' })
  await window.post('/auth/login', { email: 'ada@example.com', password }, { 'sec-fetch-site': 'cross-site' })
  t.strictSame(await signIns(), { succeeded: 1, failed: 3, throttled: 1, refused: 2 })
  t.match(await counts(service, 'gatehouse_audit_events_total'), { 'login.failed': 3, 'login.succeeded': 1 })
  t.match(await counts(service, 'gatehouse_refusals_total'), {
    invalid_credentials: 3,
    rate_limited: 1,
    invalid_request: 1,
    cross_site_request: 1
  })
})

t.test('a sign-in is throttled by address, too', async (t) => {
  const service = await build(t, { env: { ...withToken, AUTH_LOGIN_LIMIT_PER_IP: '1' } })
  for (let n = 0; n < 3; n += 1) await login(service.browser())
  t.strictSame(await counts(service, 'gatehouse_sign_ins_total'), { failed: 1, throttled: 2 })
})

t.test('hashes that wait, work and are refused are told, and sign-ins that were too many', async (t) => {
  const service = await build(t, { env: withToken })
  const { hasher } = service.app.passwords
  const flood = Array.from({ length: 1000 }, () => hasher.hash(password).catch(() => {}))
  const { running, waiting } = hasher.load()
  const refused = 1000 - running - waiting
  t.ok(running > 0 && waiting > 0 && refused > 0)
  t.equal((await login(service.browser())).status, 503)
  t.strictSame(await counts(service, 'gatehouse_sign_ins_total'), { busy: 1 })
  t.strictSame(await counts(service, 'gatehouse_password_hashes_refused_total'), { '': refused + 1 })
  t.ok(((await gauge(service, 'gatehouse_password_hashes_running')) ?? 0) > 0)
  t.ok(((await gauge(service, 'gatehouse_password_hashes_waiting')) ?? 0) > 0)
  await Promise.all(flood)
  const families = await scrape(service)
  for (const name of ['gatehouse_password_hash_wait_seconds', 'gatehouse_password_hash_duration_seconds']) {
    const samples = families.get(name)?.samples ?? []
    t.equal(samples.find((sample) => sample.name === `${name}_count`)?.value, running + waiting, name)
  }
  t.equal(await gauge(service, 'gatehouse_password_hashes_waiting'), 0)
})

t.test('refreshes are counted by what they came to', async (t) => {
  const service = await build(t, { env: withToken })
  const ada = await service.signUp()
  const refreshes = () => counts(service, 'gatehouse_refreshes_total')
  const tab = ada.clone()
  await ada.post('/auth/refresh')
  t.strictSame(await refreshes(), { rotated: 1 })
  const thief = tab.clone()
  await tab.post('/auth/refresh')
  t.strictSame(await refreshes(), { rotated: 1, repeated: 1 })
  service.clock.advance(11_000)
  t.equal((await thief.post('/auth/refresh')).status, 401)
  t.strictSame(await refreshes(), { rotated: 1, repeated: 1, replayed: 1 })
  await ada.post('/auth/refresh')
  await service.browser().post('/auth/refresh')
  t.strictSame(await refreshes(), { rotated: 1, repeated: 1, replayed: 1, invalid: 2 })
})

t.test('registrations, sign-outs and tokens of machines are counted', async (t) => {
  const service = await build(t, { env: withToken })
  const ada = await service.signUp()
  await service.browser().post('/auth/register', { email: 'ada@example.com', password })
  t.strictSame(await counts(service, 'gatehouse_registrations_total'), { succeeded: 1, refused: 1 })

  await ada.clone().post('/auth/logout')
  await service.browser().post('/auth/logout')
  t.strictSame(await counts(service, 'gatehouse_sign_outs_total'), { one: 1 })
  await login(ada)
  await ada.post('/auth/logout-all')
  t.strictSame(await counts(service, 'gatehouse_sign_outs_total'), { one: 1, all: 1 })

  const { basic } = await register(service, { scope: ['orders:read'] })
  const stranger = rawBasic('nobody:nothing')
  const ask = (headers: { authorization: string }, payload: string) =>
    service.app.inject({
      method: 'POST',
      url: '/oauth/token',
      payload,
      headers: { ...headers, 'content-type': FORM }
    })
  t.equal((await ask(basic, 'grant_type=client_credentials')).statusCode, 200)
  await ask(basic, 'grant_type=client_credentials&scope=orders:write')
  await ask(stranger, 'grant_type=client_credentials')
  t.strictSame(await counts(service, 'gatehouse_client_tokens_total'), {
    succeeded: 1,
    failed: 1,
    refused: 1
  })
})

t.test('revocations and keys are told as they are at the scrape', async (t) => {
  let now = 0
  const service = await build(t, { env: withToken, uptime: () => now })
  const ada = await service.signUp()
  const live = (await gauge(service, 'gatehouse_revocations_live')) ?? 0
  await ada.post('/auth/logout')
  t.equal(await gauge(service, 'gatehouse_revocations_live'), live + 1)
  await service.app.revocations.poll()
  now += 7000
  t.equal(await gauge(service, 'gatehouse_revocations_age_seconds'), 7)

  const days = async () =>
    Math.round(((await gauge(service, 'gatehouse_signing_key_age_seconds')) ?? 0) / 86_400)
  const next = await gauge(service, 'gatehouse_signing_key_next_timestamp_seconds')
  t.equal(await days(), 0)
  service.clock.advance(29 * 86_400_000)
  t.equal(await days(), 29)
  service.clock.advance(2 * 86_400_000)
  t.equal(await days(), 1, 'the next key signs')
  t.equal(await gauge(service, 'gatehouse_signing_keys_retired'), 1)
  t.equal(await gauge(service, 'gatehouse_signing_key_next_timestamp_seconds'), 0, 'none follows yet')
  await service.app.signingKeys.keepUp()
  const following = await gauge(service, 'gatehouse_signing_key_next_timestamp_seconds')
  t.equal(Math.round(((following ?? 0) - (next ?? 0)) / 86_400), 30)
})

t.test('two apps in one process count for themselves', async (t) => {
  const [one, other] = [await build(t, { env: withToken }), await build(t, { env: withToken })]
  await login(one.browser())
  t.strictSame(await counts(one, 'gatehouse_sign_ins_total'), { failed: 1 })
  t.strictSame(await counts(other, 'gatehouse_sign_ins_total'), {})
})

t.test('with a port of their own', async (t) => {
  const port = await freePort()
  const { app, browser } = await build(t, { env: { AUTH_METRICS: String(port) } })
  const ask = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init)

  await t.test('nothing listens there before the service does', async (t) => {
    await t.rejects(ask('/metrics'))
    await app.metricsListener?.open()
  })

  await t.test('metrics are there, for whoever reaches it', async (t) => {
    const response = await ask('/metrics')
    t.equal(response.status, 200)
    t.equal(response.headers.get('cache-control'), 'no-store')
    t.ok(parseExposition(await response.text()).has(HTTP))
  })

  await t.test('and nothing else is', async (t) => {
    const others: Array<[string, RequestInit?]> = [
      ['/'],
      ['/livez'],
      ['/auth/me'],
      ['/docs'],
      ['/metrics/'],
      ['/metrics', { method: 'POST' }]
    ]
    for (const [path, init] of others) {
      const response = await ask(path, init)
      t.equal(response.status, 404, path)
      t.match(await response.json(), { code: 'not_found' })
    }
  })

  await t.test('the service has no /metrics', async (t) => {
    t.strictSame(refusalOf(await browser().get('/metrics', bearer(TOKEN))), refusal(404, 'not_found'))
  })

  await t.test('it listens on HOST alone', { skip: whyNoOtherAddress() }, async (t) => {
    await t.rejects(connect(otherAddress() as string, port), { code: 'ECONNREFUSED' })
  })

  await t.test('it closes with the app, whoever keeps a connection to it', async (t) => {
    const kept = createConnection(port, '127.0.0.1')
    await once(kept, 'connect')
    kept.on('error', () => {})
    const gone = once(kept, 'close')
    await app.close()
    await gone
    await t.rejects(ask('/metrics'))
  })
})

t.test('a figure that cannot be read is a 500 on that port, told in the log by its request', async (t) => {
  const port = await freePort()
  const { log, lines } = captureLog()
  const { app } = await build(t, { env: { AUTH_METRICS: String(port) }, log })
  await app.metricsListener?.open()
  const ask = (path: string) => fetch(`http://127.0.0.1:${port}${path}`)
  const before = lines.length
  t.equal((await ask('/metrics')).status, 200)
  t.equal((await ask('/')).status, 404)
  t.equal(lines.length, before, 'neither a scrape nor a stranger is a line')

  app.passwords.hasher.load = () => {
    throw new Error('no figure')
  }
  const response = await ask('/metrics')
  t.equal(response.status, 500)
  const { code, requestId } = (await response.json()) as { code: string; requestId: string }
  t.equal(code, 'internal_error')
  t.match(lines.slice(before), [{ level: 'error', msg: 'failed', requestId, err: { message: 'no figure' } }])
})

t.test('a port in use is told by the name of its setting', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as { port: number }
  const { app } = await build(t, { env: { AUTH_METRICS: String(port) } })
  await t.rejects(async () => app.metricsListener?.open(), {
    message: 'AUTH_METRICS is a port in use by another program'
  })
})

async function connect(host: string, port: number): Promise<void> {
  const socket = createConnection(port, host)
  await once(socket, 'connect').finally(() => socket.destroy())
}

function otherAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return all.find(({ internal, family }) => !internal && family === 'IPv4')?.address
}

function whyNoOtherAddress(): string | false {
  return otherAddress() ? false : 'this machine has no address but loopback'
}
