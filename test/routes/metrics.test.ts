import t from 'tap'
import { build } from '../harness/build.ts'
import { parseExposition } from '../harness/exposition.ts'
import { captureLog } from '../harness/log.ts'
import { refusal, refusalOf } from '../harness/refusal.ts'
import { bearer, requests, scrape, TOKEN, withToken } from '../harness/scrape.ts'

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
