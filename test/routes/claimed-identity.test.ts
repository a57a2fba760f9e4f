import t from 'tap'
import { build } from '../harness/build.ts'

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

t.test('the caller is whom the token names, whatever else the request says', async (t) => {
  const service = await build(t)
  const [root, ada] = [await service.setUp(), await service.signUp()]
  const { user: victim } = (await root.get('/auth/me')).body
  const own = (await ada.get('/auth/me')).body
  const { paths } = (await service.app.inject('/docs/json')).json()

  /** Headers by which proxies and careless services name the caller. */
  const headers = {
    'x-user-id': victim.id,
    'x-user': victim.email,
    'x-role': 'admin',
    'x-roles': 'admin',
    'x-scope': 'users:read users:write',
    'x-admin': 'true',
    'x-forwarded-user': victim.email,
    'x-forwarded-email': victim.email,
    'x-authenticated-userid': victim.id,
    'x-original-url': '/livez',
    'x-rewrite-url': '/livez',
    'x-http-method-override': 'GET',
    'remote-user': victim.id,
    'remote-roles': 'admin',
    'remote-scope': 'users:read'
  }
  const fields = {
    userId: victim.id,
    sub: victim.id,
    id: victim.id,
    roles: ['admin'],
    isAdmin: true,
    scope: 'users:read'
  }

  await t.test('a header that names another person changes nothing', async (t) => {
    t.strictSame((await ada.get('/auth/me', headers)).body, own)
    t.equal((await ada.get('/admin/users', headers)).body.code, 'forbidden')
    t.equal((await service.browser().get('/auth/me', headers)).body.code, 'unauthorized')
    t.equal((await service.browser().get('/admin/users', headers)).body.code, 'unauthorized')
  })

  await t.test('a parameter that names another person is refused', async (t) => {
    for (const [name, value] of Object.entries(fields)) {
      const { status } = await ada.get(`/auth/sessions?${name}=${encodeURIComponent(String(value))}`)
      t.equal(status, 400, name)
    }
  })

  await t.test('claims that the signature does not cover change nothing', async (t) => {
    const [header, payload = '', signature] = ada.value('access').split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const raised = encode({ ...claims, sub: victim.id, roles: ['admin'], scope: 'users:read' })
    for (const token of [`${header}.${raised}.${signature}`, `${encode({ alg: 'none' })}.${raised}.`]) {
      const window = ada.clone()
      window.cookies.set('access', { value: token, path: '/' })
      t.equal((await window.get('/auth/me')).body.code, 'unauthorized')
    }
  })

  await t.test(
    'without a session no field makes a caller, at any endpoint that changes something',
    async (t) => {
      const answers: string[] = []
      for (const [template, operations] of Object.entries<Record<string, { security: object[] }>>(paths)) {
        for (const [method, { security }] of Object.entries(operations)) {
          if (method === 'get' || !security.some((way) => 'cookie' in way)) continue
          const path = template.replace(/\{\w+\}/g, victim.id)
          const answer = await service
            .browser()
            .request(method.toUpperCase() as 'POST', path, fields, headers)
          answers.push(answer.body.code)
          t.equal(answer.status, 401, `${method} ${template}`)
        }
      }
      t.ok(answers.length > 15, `${answers.length} endpoints`)
      t.strictSame((await root.get('/auth/me')).body.roles, ['admin', 'user'], 'the other person is unharmed')
    }
  )
})
