import t from 'tap'
import { build } from '../../harness/build.ts'

const PATH = '/.well-known/oauth-authorization-server'
const METHODS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt']
const ALGORITHMS = ['ES256', 'EdDSA', 'RS256', 'Ed25519']

function metadataOf(issuer: string) {
  return {
    issuer,
    token_endpoint: `${issuer}/oauth/token`,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    introspection_endpoint: `${issuer}/oauth/introspect`,
    revocation_endpoint: `${issuer}/oauth/revoke`,
    protected_resources: [issuer],
    response_types_supported: [],
    grant_types_supported: ['client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange'],
    token_endpoint_auth_methods_supported: METHODS,
    token_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
    introspection_endpoint_auth_methods_supported: METHODS,
    introspection_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
    revocation_endpoint_auth_methods_supported: METHODS,
    revocation_endpoint_auth_signing_alg_values_supported: ALGORITHMS
  }
}

t.test('the metadata of the authorization server', async (t) => {
  const { browser, env } = await build(t)

  await t.test('are these, as JSON that may be kept for an hour', async (t) => {
    const { status, headers, body, cookies } = await browser({}).get(PATH)
    t.equal(status, 200)
    const issuer = 'http://localhost:3000'
    t.strictSame(body, { ...metadataOf(issuer), service_documentation: `${issuer}/docs` })
    t.match(headers, {
      'content-type': /^application\/json(;|$)/,
      'cache-control': 'public, max-age=3600',
      'x-content-type-options': 'nosniff'
    })
    t.strictSame(cookies, [])
  })

  await t.test('are the issuer’s own, whatever host was asked', async (t) => {
    const { body } = await browser({}).get(PATH, { host: 'evil.example', 'x-forwarded-host': 'evil.example' })
    t.equal(body.issuer, 'http://localhost:3000')
    t.notMatch(JSON.stringify(body), /evil/)
  })

  await t.test('are the same at /.well-known/openid-configuration, where some software looks', async (t) => {
    const { status, headers, body } = await browser({}).get('/.well-known/openid-configuration')
    t.equal(status, 200)
    t.equal(headers['cache-control'], 'public, max-age=3600')
    t.strictSame(body, (await browser({}).get(PATH)).body)
  })

  await t.test('name only endpoints that there are', async (t) => {
    const { body } = await browser({}).get(PATH)
    for (const name of ['token_endpoint', 'introspection_endpoint', 'revocation_endpoint']) {
      const { pathname } = new URL(body[name])
      t.equal((await browser({}).post(pathname)).status, 401, name)
    }
    for (const name of ['jwks_uri', 'service_documentation'])
      t.ok((await browser({}).get(new URL(body[name]).pathname)).status < 400, name)
  })

  await t.test('may be read by any page', async (t) => {
    const { headers } = await browser({}).get(PATH, { origin: 'https://elsewhere.example' })
    t.match(headers, { 'access-control-allow-origin': '*', 'cross-origin-resource-policy': 'cross-origin' })
    t.notOk('access-control-allow-credentials' in headers)
  })

  await t.test('are read by GET and HEAD alone, with no regard to credentials', async (t) => {
    const head = await browser({}).request('HEAD', PATH)
    t.equal(head.status, 200)
    t.equal(head.text, '')
    t.equal((await browser({}).post(PATH)).status, 405)
    t.equal((await browser({}).get(PATH, { authorization: 'Bearer x', cookie: 'access=x' })).status, 200)
  })

  await t.test('are not limited', async (t) => {
    const limited = await build(t, { env: { ...env, AUTH_RATE_LIMIT_PER_IP: '2' } })
    for (let n = 0; n < 10; n += 1) t.equal((await limited.browser({}).get(PATH)).status, 200)
  })
})

t.test('over https every address in the metadata is https', async (t) => {
  const issuer = 'https://auth.example.com'
  const { browser } = await build(t, { env: { AUTH_ISSUER: issuer, AUTH_DOCS: 'off' } })
  t.strictSame((await browser({}).get(PATH)).body, metadataOf(issuer))
})

t.test('where an origin is allowed by name, it is answered by name, and every other with *', async (t) => {
  const origin = 'https://app.example.com'
  const { browser } = await build(t, { env: { AUTH_ALLOWED_ORIGINS: origin } })
  const allowed = async (origin: string) =>
    (await browser({}).get(PATH, { origin })).headers['access-control-allow-origin']
  t.equal(await allowed(origin), origin)
  t.equal(await allowed('https://elsewhere.example'), '*')
})
