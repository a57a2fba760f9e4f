import t from 'tap'
import { build } from './harness/build.ts'

/** Every endpoint of the contract that serves people with a password and a browser, and machines. */
const contract = [
  'POST /auth/register',
  'POST /auth/login',
  'POST /auth/refresh',
  'POST /auth/logout',
  'POST /auth/logout-all',
  'GET /auth/me',
  'GET /auth/session',
  'PATCH /auth/me',
  'DELETE /auth/me',
  'GET /auth/sessions',
  'DELETE /auth/sessions/{id}',
  'GET /auth/csrf',
  'GET /auth/check',
  'POST /auth/reauthenticate',
  'PUT /auth/password',
  'POST /auth/password/reset',
  'POST /auth/setup',
  'GET /admin/users',
  'POST /admin/users',
  'GET /admin/users/{id}',
  'PATCH /admin/users/{id}',
  'DELETE /admin/users/{id}',
  'GET /admin/users/{id}/sessions',
  'DELETE /admin/users/{id}/sessions',
  'POST /admin/users/{id}/password-reset',
  'POST /admin/users/{id}/unlock',
  'GET /admin/roles',
  'POST /admin/roles',
  'GET /admin/roles/{name}',
  'PUT /admin/roles/{name}',
  'DELETE /admin/roles/{name}',
  'GET /admin/clients',
  'POST /admin/clients',
  'GET /admin/clients/{id}',
  'PATCH /admin/clients/{id}',
  'DELETE /admin/clients/{id}',
  'POST /admin/clients/{id}/secrets',
  'DELETE /admin/clients/{id}/secrets/{secretId}',
  'GET /admin/keys',
  'POST /admin/keys',
  'DELETE /admin/keys/{kid}',
  'GET /admin/audit',
  'POST /oauth/token',
  'POST /oauth/introspect',
  'POST /oauth/revoke',
  'GET /oauth/revocations',
  'GET /.well-known/jwks.json',
  'GET /.well-known/oauth-authorization-server',
  'GET /',
  'GET /livez',
  'GET /readyz'
]

interface Operation {
  tags?: string[]
  parameters?: Array<{ name: string; in: string; required?: boolean }>
  requestBody?: unknown
  responses: Record<string, { description?: string; content?: Record<string, unknown> }>
}

t.test('the reference', async (t) => {
  const service = await build(t)
  const document = await service.browser().get('/docs/json')
  const operations = Object.entries(document.body.paths as Record<string, Record<string, Operation>>).flatMap(
    ([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        path,
        name: `${method.toUpperCase()} ${path}`,
        operation
      }))
  )

  t.test(
    'is a document of OpenAPI 3.1 that names the service and both ways to prove who one is',
    async (t) => {
      t.equal(document.status, 200)
      t.match(document.headers['content-type'], /^application\/json/)
      t.match(document.body, {
        openapi: /^3\.1\.\d+$/,
        info: { title: 'Gatehouse', version: /^\d+\.\d+\.\d+$/ },
        servers: [{ url: 'http://localhost:3000' }],
        components: {
          securitySchemes: {
            cookie: { type: 'apiKey', in: 'cookie', name: 'access' },
            bearer: { type: 'http' }
          }
        }
      })
    }
  )

  t.test('has every endpoint of the contract, and no other', async (t) => {
    t.strictSame(operations.map(({ name }) => name).sort(), [...contract].sort())
  })

  t.test('declares for each operation its success and its refusals', async (t) => {
    for (const { name, operation } of operations) {
      const statuses = Object.keys(operation.responses)
      t.ok(
        statuses.some((status) => /^2\d\d$/.test(status)),
        name
      )
      t.ok(statuses.includes('4XX') && statuses.includes('5XX'), `${name}: ${statuses}`)
      t.ok((operation.tags ?? []).length > 0, name)
    }
  })

  t.test('declares every parameter of a path and a body where one is sent', async (t) => {
    for (const { name, path, operation } of operations) {
      const placeholders = [...path.matchAll(/\{(\w+)\}/g)].map(([, placeholder]) => placeholder)
      const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path')
      t.strictSame(
        declared.map((parameter) => parameter.name),
        placeholders,
        name
      )
    }
    const withBody = operations.filter(({ operation }) => operation.requestBody !== undefined)
    t.strictSame(withBody.map(({ name }) => name).sort(), [
      'PATCH /admin/clients/{id}',
      'PATCH /admin/users/{id}',
      'PATCH /auth/me',
      'POST /admin/clients',
      'POST /admin/clients/{id}/secrets',
      'POST /admin/roles',
      'POST /admin/users',
      'POST /auth/login',
      'POST /auth/password/reset',
      'POST /auth/reauthenticate',
      'POST /auth/register',
      'POST /auth/setup',
      'POST /oauth/introspect',
      'POST /oauth/revoke',
      'POST /oauth/token',
      'PUT /admin/roles/{name}',
      'PUT /auth/password'
    ])
  })

  const forms = ['/oauth/token', '/oauth/introspect', '/oauth/revoke'].map((path) => ({
    path,
    operation: document.body.paths[path].post as Operation
  }))

  t.test('shows the OAuth endpoints as answered in OAuth’s own words', async (t) => {
    for (const { path, operation } of forms) {
      const refusals = operation.responses['4XX']?.content ?? {}
      t.strictSame(Object.keys(refusals), ['application/json'], path)
      t.ok(JSON.stringify(refusals).includes('error_description'), path)
    }
  })

  t.test('shows the OAuth endpoints as taking forms', async (t) => {
    for (const { path, operation } of forms) {
      const { content } = operation.requestBody as { content: object }
      t.strictSame(Object.keys(content), ['application/x-www-form-urlencoded'], path)
    }
  })

  t.test('refers to nothing that is not in it', async (t) => {
    const references = [...document.text.matchAll(/"\$ref":"([^"]*)"/g)].map(
      ([, reference]) => reference ?? ''
    )
    for (const reference of references) {
      const found = reference
        .replace(/^#\//, '')
        .split('/')
        .reduce((node, key) => node?.[key], document.body)
      t.ok(found, reference)
    }
    t.notMatch(document.text, /passwordHash|password_hash|"seed"|"hash"/)
  })

  t.test('is served to be read at /docs, by scripts of its own alone', async (t) => {
    const page = await service.browser().get('/docs')
    t.equal(page.status, 200)
    t.match(page.headers['content-type'], /^text\/html/)
    t.match(page.text, /swagger-ui/)
    const sources = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source ?? '')
    t.ok(sources.length > 0)
    for (const source of sources) {
      t.notMatch(source, /^(https?:)?\/\//)
      const url = new URL(source, 'http://localhost:3000/docs').pathname
      t.equal((await service.browser().get(url)).status, 200, url)
    }
    t.match(page.headers['content-security-policy'], /default-src|script-src/)
    t.notMatch(page.headers['content-security-policy'], /unsafe-eval/)
  })
})

t.test('over https the reference names the public address and the cookie that is used there', async (t) => {
  const env = { AUTH_ISSUER: 'https://auth.example.com', AUTH_DOCS: 'on' }
  const { browser } = await build(t, { env })
  const { body } = await browser().get('/docs/json')
  t.strictSame(body.servers, [{ url: 'https://auth.example.com' }])
  t.equal(body.components.securitySchemes.cookie.name, '__Host-access')
})

t.test('a public issuer shows no reference unless it is set', async (t) => {
  const { browser } = await build(t, { env: { AUTH_ISSUER: 'https://auth.example.com' } })
  for (const path of ['/docs', '/docs/', '/docs/json', '/docs/static/index.css'])
    t.match(await browser().get(path), { status: 404, body: { code: 'not_found' } }, path)
})

t.test('with AUTH_DOCS=off there is neither the document nor the page', async (t) => {
  const { browser } = await build(t, { env: { AUTH_DOCS: 'off' } })
  for (const url of ['/docs', '/docs/', '/docs/json', '/docs/yaml', '/docs/static/index.html']) {
    const { status, body } = await browser().get(url)
    t.equal(status, 404, url)
    t.equal(body.code, 'not_found')
  }
  t.equal((await browser().get('/livez')).status, 200)
})
