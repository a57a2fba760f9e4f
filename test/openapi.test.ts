import t from 'tap'
import { problems } from '../domain/errors.ts'
import manifest from '../package.json' with { type: 'json' }
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
  'GET /auth/me/export',
  'PATCH /auth/me',
  'DELETE /auth/me',
  'GET /auth/sessions',
  'DELETE /auth/sessions/{id}',
  'GET /auth/events',
  'GET /auth/csrf',
  'GET /auth/check',
  'POST /auth/reauthenticate',
  'PUT /auth/password',
  'POST /auth/password/forgot',
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
  'GET /.well-known/openid-configuration',
  'GET /',
  'GET /livez',
  'GET /readyz'
]

interface Operation {
  operationId: string
  summary: string
  description?: string
  tags: string[]
  security: Array<Record<string, string[]>>
  parameters?: Array<{ name: string; in: string; required?: boolean }>
  requestBody?: { content: Record<string, unknown> }
  responses: Record<string, Reply>
}

interface Reply {
  description: string
  content?: Record<string, { schema: { $ref?: string }; examples?: Record<string, { $ref: string }> }>
}

/** The codes of a refusal, by media type, schema and code. */
const codesOf = ({ responses }: Operation, status: string) =>
  Object.entries(responses[status]?.content ?? {}).flatMap(([type, { schema, examples = {} }]) =>
    Object.keys(examples).map((code) => `${type} ${schema.$ref?.split('/').at(-1)} ${code}`)
  )

/** Operations whose callers need no credential. */
const PUBLIC = [
  'POST /auth/register',
  'POST /auth/login',
  'POST /auth/password/forgot',
  'POST /auth/password/reset',
  'POST /auth/setup',
  'GET /.well-known/jwks.json',
  'GET /.well-known/oauth-authorization-server',
  'GET /.well-known/openid-configuration',
  'GET /',
  'GET /livez',
  'GET /readyz'
]

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

  t.test('is a document of OpenAPI 3.1 that names the service, its version and its licence', async (t) => {
    t.equal(document.status, 200)
    t.match(document.headers['content-type'], /^application\/json/)
    t.match(document.body, {
      openapi: /^3\.1\.\d+$/,
      info: {
        title: 'Gatehouse',
        description: manifest.description,
        version: manifest.version,
        license: { identifier: 'Apache-2.0' }
      },
      servers: [{ url: 'http://localhost:3000' }],
      components: {
        securitySchemes: {
          cookie: { type: 'apiKey', in: 'cookie', name: 'access' },
          bearer: { type: 'http' }
        }
      }
    })
  })

  t.test('has every endpoint of the contract, and no other', async (t) => {
    t.strictSame(operations.map(({ name }) => name).sort(), [...contract].sort())
  })

  t.test('gives each operation a short summary and a camelCase name of its own', async (t) => {
    const names = operations.map(({ operation }) => operation.operationId)
    t.equal(new Set(names).size, operations.length)
    for (const { name, operation } of operations) {
      t.match(operation.operationId, /^[a-z][A-Za-z]+$/, name)
      t.match(operation.summary, /^[A-Z].{5,70}[^.]$/, name)
    }
  })

  t.test('gives each operation a tag, and describes every tag', async (t) => {
    const declared = document.body.tags.map(({ name }: { name: string }) => name)
    const used = new Set(operations.flatMap(({ operation }) => operation.tags))
    t.strictSame([...used].sort(), [...declared].sort())
    for (const { name, operation } of operations) t.equal(operation.tags.length, 1, name)
    for (const { description } of document.body.tags) t.type(description, 'string')
  })

  t.test('declares for each operation a success with a named schema, or one without content', async (t) => {
    for (const { name, operation } of operations) {
      const successes = Object.entries(operation.responses).filter(([status]) => /^2\d\d$/.test(status))
      t.equal(successes.length, 1, name)
      for (const [, { description, content = {} }] of successes) {
        t.not(description, 'Default Response', name)
        for (const { schema } of Object.values(content))
          t.match(schema.$ref, /^#\/components\/schemas\//, name)
      }
    }
  })

  t.test('declares for each operation its refusals with their codes', async (t) => {
    for (const { name, operation } of operations) {
      const refusals = Object.entries(operation.responses).filter(([status]) => /^[45]/.test(status))
      t.ok(operation.responses['4XX'] && operation.responses['5XX'], name)
      for (const [status, { content }] of refusals) {
        const isOAuth = /POST \/oauth\//.test(name)
        t.strictSame(
          Object.keys(content ?? {}),
          [isOAuth ? 'application/json' : 'application/problem+json'],
          `${name} ${status}`
        )
        t.ok(codesOf(operation, status).length > 0, `${name} ${status}`)
      }
    }
  })

  t.test('says how callers authenticate, and declares 401 if they must', async (t) => {
    const open = operations.filter(({ operation }) => operation.security.length === 0)
    t.strictSame(open.map(({ name }) => name).sort(), [...PUBLIC].sort())
    for (const { name, operation } of operations) {
      const schemes = operation.security.flatMap((way) => Object.keys(way))
      for (const scheme of schemes) t.ok(document.body.components.securitySchemes[scheme], name)
      if (schemes.length > 0) t.ok(operation.responses[401], name)
    }
  })

  const named = (operationId: string) =>
    operations.find(({ operation }) => operation.operationId === operationId)?.operation as Operation

  t.test('says which scope an operation needs, and from whom', async (t) => {
    const { security, description } = named('updateUser')
    t.strictSame(security, [{ cookie: ['users:write'], session: [] }, { bearer: ['users:write'] }])
    t.equal(
      description,
      'Needs the scope `users:write`.\n\nNeeds a recent sign-in of a person (`AUTH_FRESH_TTL`).\n\nA bearer token must be of a machine client.'
    )
    t.strictSame(named('changePassword').security, [{ cookie: [], session: [] }])
    t.strictSame(named('getMe').security, [{ cookie: [], session: [] }, { bearer: [] }])
    t.strictSame(named('issueToken').security, [{ client: [] }])
    t.strictSame(named('refresh').security, [{ refresh: [], session: [] }])
  })

  t.test('names the codes of an operation: its own, and those of its guard', async (t) => {
    const operation = named('updateUser')
    const codes = ['401', '403', '404', '409', '422'].flatMap((status) => codesOf(operation, status))
    t.strictSame(
      codes,
      [
        'unauthorized',
        'token_stale',
        'reauthentication_required',
        'forbidden',
        'cross_site_request',
        'not_found',
        'last_administrator',
        'unknown_role',
        'roles_too_large'
      ].map((code) => `application/problem+json Problem ${code}`)
    )
    t.strictSame(codesOf(named('issueToken'), '401'), ['application/json OAuthError invalid_client'])
    t.strictSame(codesOf(named('getReadiness'), '503'), ['application/problem+json NotReady not_ready'])
  })

  t.test('names its schemas, and repeats none', async (t) => {
    const { schemas } = document.body.components
    for (const name of ['User', 'Session', 'Role', 'Client', 'Key', 'AuditEvent', 'Problem', 'OAuthError'])
      t.equal(schemas[name]?.type, 'object', name)
    t.strictSame(schemas.ProblemCode.enum, Object.keys(problems))
    t.strictSame(schemas.SignedIn.properties, {
      user: { $ref: '#/components/schemas/User' },
      session: { $ref: '#/components/schemas/Session' }
    })
    t.strictSame(schemas.UserPage.properties.items, {
      type: 'array',
      items: { $ref: '#/components/schemas/User' }
    })
    for (const name of Object.keys(schemas)) t.match(name, /^[A-Z][A-Za-z]+$/)
  })

  t.test('shows an example of every problem, as it is sent', async (t) => {
    const { examples } = document.body.components
    const refused = await service.browser().get('/auth/me')
    t.strictSame({ ...examples.unauthorized.value, requestId: refused.body.requestId }, refused.body)
    for (const [code, { status, title }] of Object.entries(problems))
      t.match(examples[code].value, { code, status, title }, code)
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
      'POST /auth/password/forgot',
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

  t.test('shows the OAuth endpoints as taking forms', async (t) => {
    for (const name of ['issueToken', 'introspectToken', 'revokeToken'])
      t.strictSame(Object.keys(named(name).requestBody?.content ?? {}), ['application/x-www-form-urlencoded'])
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

  t.test('shows Gatehouse’s own title, logo and favicon', async (t) => {
    const { text } = await service.browser().get('/docs')
    t.match(text, '<title>Gatehouse API</title>')
    t.match(text, 'href="/docs/static/theme/favicon.svg"')
    const icon = await service.browser().get('/docs/static/theme/favicon.svg')
    t.match(icon, { status: 200, headers: { 'content-type': 'image/svg+xml' }, text: /^<svg / })
    const script = await service.browser().get('/docs/static/swagger-initializer.js')
    t.match(script.text, `data:image/svg+xml;base64,${Buffer.from(icon.text).toString('base64')}`)
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
