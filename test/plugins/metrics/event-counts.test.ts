import t from 'tap'
import type { Browser } from '../../harness/browser.ts'
import { build, password } from '../../harness/build.ts'
import { counts, withToken } from '../../harness/scrape.ts'
import { FORM, rawBasic, register } from '../../oauth/machine.ts'

const login = (window: Browser, tried = password, email = 'ada@example.com') =>
  window.post('/auth/login', { email, password: tried })

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
  t.equal((await ada.get('/auth/me')).status, 200, 'the successor has been seen')
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

t.test('two apps in one process count for themselves', async (t) => {
  const [one, other] = [await build(t, { env: withToken }), await build(t, { env: withToken })]
  await login(one.browser())
  t.strictSame(await counts(one, 'gatehouse_sign_ins_total'), { failed: 1 })
  t.strictSame(await counts(other, 'gatehouse_sign_ins_total'), {})
})
