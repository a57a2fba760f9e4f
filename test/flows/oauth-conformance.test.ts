import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import t, { type Test } from 'tap'
import { ALGORITHMS } from '../../verifier/sources.ts'
import { makeKey } from '../oauth/assertion.ts'
import { register } from '../oauth/machine.ts'
import { type ListeningGatehouse, listen } from '../verifier/gatehouse.ts'

const ORDERS = 'https://orders.example.com'
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
const INSECURE = { [oauth.allowInsecureRequests]: true }

/** The libraries go by the machine's clock. */
const now = Object.assign(() => Date.now(), { advance() {} })

/** A client as each of the libraries sees it. */
interface Credentials {
  id: string
  oauth: oauth.ClientAuth
  openid: openid.ClientAuth
}

/** Each way of authentication, with a client registered for it: the libraries' own code makes the credentials. */
async function everyWay(service: ListeningGatehouse): Promise<Array<[string, Credentials]>> {
  const input = { scope: ['orders:read', 'orders:write'], audiences: [ORDERS, service.issuer] }
  const { id, secret } = await register(service, input)
  const ways: Array<[string, Credentials]> = [
    [
      'client_secret_basic',
      { id, oauth: oauth.ClientSecretBasic(secret), openid: openid.ClientSecretBasic(secret) }
    ],
    [
      'client_secret_post',
      { id, oauth: oauth.ClientSecretPost(secret), openid: openid.ClientSecretPost(secret) }
    ]
  ]
  for (const alg of ALGORITHMS) {
    const { jwk, privateKey } = await makeKey(alg, `key-${alg}`)
    const { id } = await register(service, { ...input, jwks: [jwk] })
    const key = { key: privateKey, kid: `key-${alg}` }
    ways.push([
      `private_key_jwt ${alg}`,
      { id, oauth: oauth.PrivateKeyJwt(key), openid: openid.PrivateKeyJwt(key) }
    ])
  }
  return ways
}

/** What any service does with a token: by jose, and by oauth4webapi. */
async function assertGood(
  t: Test,
  as: oauth.AuthorizationServer,
  token: string,
  audience: string,
  clientId: string
) {
  const jwks = createRemoteJWKSet(new URL(as.jwks_uri as string))
  const { payload } = await jwtVerify(token, jwks, { typ: 'at+jwt', issuer: as.issuer, audience })
  t.match(payload, { sub: clientId, client_id: clientId })
  const request = new Request(`${ORDERS}/1`, { headers: { authorization: `Bearer ${token}` } })
  const claims = await oauth.validateJwtAccessToken(as, request, audience, INSECURE)
  t.match(claims, { iss: as.issuer, aud: audience, sub: clientId, client_id: clientId })
}

async function discovered(issuer: string): Promise<oauth.AuthorizationServer> {
  const url = new URL(issuer)
  const response = await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...INSECURE })
  return oauth.processDiscoveryResponse(url, response)
}

t.test('oauth4webapi, unchanged', async (t) => {
  const service = await listen(t, { clock: now })
  const as = await discovered(service.issuer)

  await t.test('discovers the server', async (t) => {
    t.equal(as.issuer, service.issuer)
    t.equal(as.token_endpoint, `${service.issuer}/oauth/token`)
  })

  for (const [way, { id, oauth: authentication }] of await everyWay(service)) {
    const client = { client_id: id }
    const grant = async (parameters: Record<string, string> = {}) =>
      oauth.processClientCredentialsResponse(
        as,
        client,
        await oauth.clientCredentialsGrantRequest(as, client, authentication, parameters, INSECURE)
      )

    await t.test(`by ${way}: gets a token that every service can verify`, async (t) => {
      const { access_token, token_type, expires_in, scope } = await grant()
      t.match({ token_type, expires_in, scope }, { token_type: 'bearer', expires_in: 300 })
      t.equal(scope, 'orders:read orders:write')
      await assertGood(t, as, access_token, ORDERS, id)
    })

    await t.test(`by ${way}: gets the scope and the resource that it asked for`, async (t) => {
      const { access_token, scope } = await grant({ scope: 'orders:read', resource: service.issuer })
      t.equal(scope, 'orders:read')
      await assertGood(t, as, access_token, service.issuer, id)
    })

    await t.test(`by ${way}: introspects its token, revokes it, and introspects it again`, async (t) => {
      const { access_token: token } = await grant()
      const introspect = async () =>
        oauth.processIntrospectionResponse(
          as,
          client,
          await oauth.introspectionRequest(as, client, authentication, token, INSECURE)
        )
      t.match(await introspect(), { active: true, client_id: id, token_type: 'Bearer', aud: ORDERS })
      const revoked = await oauth.revocationRequest(as, client, authentication, token, INSECURE)
      t.equal(await oauth.processRevocationResponse(revoked), undefined)
      await service.app.revocations.poll()
      t.strictSame({ ...(await introspect()) }, { active: false })
    })

    await t.test(`by ${way}: reads a refusal as one`, async (t) => {
      const refusal = { name: 'ResponseBodyError', status: 400 }
      await t.rejects(grant({ scope: 'users:write' }), { ...refusal, error: 'invalid_scope' })
      await t.rejects(grant({ resource: 'https://elsewhere.example' }), {
        ...refusal,
        error: 'invalid_target'
      })
    })
  }

  await t.test('reads a wrong secret as a challenge', async (t) => {
    const { id } = await register(service)
    const wrong = oauth.ClientSecretBasic('wrong')
    const client = { client_id: id }
    const response = await oauth.clientCredentialsGrantRequest(as, client, wrong, {}, INSECURE)
    t.equal(response.status, 401)
    await t.rejects(oauth.processClientCredentialsResponse(as, client, response), {
      name: 'WWWAuthenticateChallengeError',
      status: 401,
      cause: [{ scheme: 'basic', parameters: { realm: 'gatehouse' } }]
    })
  })

  await t.test('exchanges a person’s token', async (t) => {
    const ada = await service.signUp()
    const { id, secret } = await register(service, { grants: [TOKEN_EXCHANGE] })
    const client = { client_id: id }
    const exchange = { subject_token: ada.value('access'), subject_token_type: ACCESS_TOKEN }
    const response = await oauth.genericTokenEndpointRequest(
      as,
      client,
      oauth.ClientSecretBasic(secret),
      TOKEN_EXCHANGE,
      exchange,
      INSECURE
    )
    const answer = await oauth.processGenericTokenEndpointResponse(as, client, response)
    t.match(answer, { issued_token_type: ACCESS_TOKEN, token_type: 'bearer' })
    const request = new Request(service.issuer, {
      headers: { authorization: `Bearer ${answer.access_token}` }
    })
    const claims = await oauth.validateJwtAccessToken(as, request, service.issuer, INSECURE)
    t.match(claims, { client_id: id, act: { sub: id } })
  })
})

t.test('openid-client, unchanged', async (t) => {
  const service = await listen(t, { clock: now })
  const as = await discovered(service.issuer)
  const discover = (id: string, authentication: openid.ClientAuth) =>
    openid.discovery(new URL(service.issuer), id, undefined, authentication, {
      algorithm: 'oauth2',
      execute: [openid.allowInsecureRequests]
    })

  for (const [way, { id, openid: authentication }] of await everyWay(service)) {
    await t.test(`by ${way}: discovers, gets a token, introspects and revokes it`, async (t) => {
      const config = await discover(id, authentication)
      t.equal(config.serverMetadata().issuer, service.issuer)
      const grant = { scope: 'orders:read', resource: ORDERS }
      const { access_token: token, scope, expires_in } = await openid.clientCredentialsGrant(config, grant)
      t.match({ scope, expires_in }, { scope: 'orders:read', expires_in: 300 })
      await assertGood(t, as, token, ORDERS, id)
      t.match(await openid.tokenIntrospection(config, token), { active: true, sub: id, scope: 'orders:read' })
      await openid.tokenRevocation(config, token)
      await service.app.revocations.poll()
      t.strictSame({ ...(await openid.tokenIntrospection(config, token)) }, { active: false })
    })
  }

  await t.test('exchanges a person’s token', async (t) => {
    const ada = await service.signUp()
    const { id, secret } = await register(service, { grants: [TOKEN_EXCHANGE] })
    const config = await discover(id, openid.ClientSecretPost(secret))
    const subject = { subject_token: ada.value('access'), subject_token_type: ACCESS_TOKEN }
    const answer = await openid.genericGrantRequest(config, TOKEN_EXCHANGE, subject)
    t.match(answer, { issued_token_type: ACCESS_TOKEN, expires_in: Number })
  })

  await t.test('reads a wrong secret as a refusal', async (t) => {
    const { id } = await register(service)
    const config = await discover(id, openid.ClientSecretBasic('wrong'))
    const refusal = { name: 'WWWAuthenticateChallengeError', status: 401 }
    await t.rejects(openid.clientCredentialsGrant(config), refusal)
  })
})

for (const alg of ['EdDSA', 'RS256']) {
  t.test(`tokens signed with ${alg} are verified by jose and oauth4webapi`, async (t) => {
    const service = await listen(t, { clock: now, env: { AUTH_JWT_ALG: alg } })
    const as = await discovered(service.issuer)
    const { id, secret } = await register(service)
    const client = { client_id: id }
    const basic = oauth.ClientSecretBasic(secret)
    const response = await oauth.clientCredentialsGrantRequest(as, client, basic, {}, INSECURE)
    const { access_token } = await oauth.processClientCredentialsResponse(as, client, response)
    await assertGood(t, as, access_token, service.issuer, id)
  })
}
