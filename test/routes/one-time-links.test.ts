import t from 'tap'
import { build, password } from '../harness/build.ts'
import { refusal, refusalOf } from '../harness/refusal.ts'

const newPassword = 'another long enough phrase'

t.test('a one-time token opens one endpoint, and is not spent at another', async (t) => {
  const service = await build(t)
  const setUp = await service.app.accounts.firstAdministrator.issueLink()
  const choose = (token: string | undefined) =>
    service.browser().post('/auth/password/reset', { token, password: newPassword })
  const become = (token: string | undefined) =>
    service.browser().post('/auth/setup', { token, email: 'root@example.com', password })
  t.strictSame(refusalOf(await choose(setUp?.token)), refusal(400, 'invalid_token'))
  t.equal((await become(setUp?.token)).status, 201, 'it was not spent')

  const root = service.browser()
  await root.post('/auth/login', { email: 'root@example.com', password })
  const { body } = await root.post('/admin/users', { email: 'bob@example.com' })
  const { token } = body.passwordLink
  t.strictSame(refusalOf(await become(token)), refusal(409, 'already_set_up'))
  const csrf = (await root.get('/auth/csrf')).body.csrfToken
  for (const other of [csrf, root.value('access'), root.value('refresh')]) {
    const { status } = await choose(other)
    t.equal(status, 400, 'no other token of ours is one')
  }
  t.equal((await choose(token)).status, 204, 'it was not spent')
})

t.test('a link is of the issuer, whatever host was asked', async (t) => {
  const service = await build(t, {
    env: { AUTH_ISSUER: 'https://auth.example.com', AUTH_TRUST_PROXY: '127.0.0.1' }
  })
  const root = await service.setUp()
  const { user } = (await root.get('/auth/me')).body
  const spoofed = {
    host: 'evil.example',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-server': 'evil.example',
    'x-original-host': 'evil.example',
    forwarded: 'host=evil.example;proto=http'
  }
  const reset = await root.post(`/admin/users/${user.id}/password-reset`, undefined, spoofed)
  const invited = await root.post('/admin/users', { email: 'bob@example.com' }, spoofed)
  for (const { url } of [reset.body, invited.body.passwordLink]) {
    t.match(url, /^https:\/\/auth\.example\.com\/auth\/password\/reset#token=[\w-]{43}$/)
  }
  t.notMatch(reset.text + invited.text, 'evil')
})
