import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { Answer } from '../harness/browser.ts'
import { build } from '../harness/build.ts'
import { postgres } from '../harness/engines.ts'
import { wiredPostgres } from '../harness/wired-postgres.ts'
import { assertion, makeKey, shown } from './assertion.ts'
import { basic, CLIENT_CREDENTIALS, claimsOf, JSON_TYPE, post, register, tokenOf } from './machine.ts'

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
const LONG = 5 * 60_000

/** A new database at the end of a wire that can be cut. */
async function wired(t: Test) {
  const { wire, url } = await wiredPostgres(t)
  let monotonic = 0
  const service = await build(t, { env: { DATABASE_URL: url }, monotonic: () => monotonic })
  return {
    wire,
    service,
    later(milliseconds: number) {
      monotonic += milliseconds
    }
  }
}

function isUnavailable(t: Test, { status, headers, body, cookies }: Answer, how: string): void {
  t.equal(status, 503, how)
  t.strictSame(Object.keys(body), ['error', 'error_description'], how)
  t.equal(body.error, 'temporarily_unavailable', how)
  t.equal(headers['content-type'], JSON_TYPE, how)
  t.equal(headers['cache-control'], 'no-store', how)
  t.match(headers['retry-after'], /^\d+$/, how)
  t.notOk('www-authenticate' in headers, how)
  t.strictSame(cookies, [], how)
}

async function recovered(app: FastifyInstance): Promise<void> {
  for (let tries = 0; tries < 12; tries += 1) {
    try {
      await app.revocations.poll()
      return await app.store.ping()
    } catch {}
  }
  throw new Error('did not come back')
}

t.test('the OAuth endpoints without their database', { skip: postgres.missing }, async (t) => {
  const { wire, service, later } = await wired(t)
  const key = await makeKey('EdDSA')
  const machine = await register(service, { grants: ['client_credentials', EXCHANGE] })
  const signer = await register(service, { jwks: [key.jwk] })
  const ada = await service.signUp()
  const token = await tokenOf(service, machine)
  const signed = async () => shown(await assertion(signer.id, key, service.clock()))
  const exchange = {
    grant_type: EXCHANGE,
    subject_token: ada.value('access'),
    subject_token_type: ACCESS_TOKEN
  }

  await t.test('answer 503 temporarily_unavailable to everybody, and never 500', async (t) => {
    wire.cut()
    later(501)
    const calls: Array<[string, string, Record<string, string>, Record<string, string>?]> = [
      ['a secret', '/oauth/token', CLIENT_CREDENTIALS, machine.basic],
      ['a wrong secret', '/oauth/token', CLIENT_CREDENTIALS, basic(machine.id, 'wrong')],
      ['an unknown client', '/oauth/token', CLIENT_CREDENTIALS, basic('nobody', 'wrong')],
      ['an assertion', '/oauth/token', { ...CLIENT_CREDENTIALS, ...(await signed()) }],
      ['an exchange', '/oauth/token', exchange, machine.basic],
      ['introspection', '/oauth/introspect', { token }, machine.basic],
      ['revocation', '/oauth/revoke', { token }, machine.basic]
    ]
    for (const [how, path, fields, headers] of calls)
      isUnavailable(t, await post(service, path, fields, headers), how)
    t.equal((await service.browser({}).get('/.well-known/oauth-authorization-server')).status, 200)
  })

  await t.test('come back by themselves, and what was refused was not done', async (t) => {
    wire.mend()
    await recovered(service.app)
    t.equal((await post(service, '/oauth/token', CLIENT_CREDENTIALS, machine.basic)).status, 200)
    const { body } = await post(service, '/oauth/introspect', { token }, machine.basic)
    t.match(body, { active: true, jti: claimsOf(token).jti })
    t.equal((await post(service, '/oauth/token', { ...CLIENT_CREDENTIALS, ...(await signed()) })).status, 200)
  })

  await t.test('a failure that cannot be written down is 503, too', async (t) => {
    await post(service, '/oauth/token', CLIENT_CREDENTIALS, machine.basic)
    wire.cut()
    const nobody = await post(service, '/oauth/token', CLIENT_CREDENTIALS)
    isUnavailable(t, nobody, 'no credentials')
    wire.mend()
    await recovered(service.app)
  })

  await t.test('a revocation that cannot be written is never answered 200', async (t) => {
    const mine = await tokenOf(service, machine)
    wire.cut()
    isUnavailable(t, await post(service, '/oauth/revoke', { token: mine }, machine.basic), 'known client')
    wire.mend()
    await recovered(service.app)
    const { body } = await post(service, '/oauth/introspect', { token: mine }, machine.basic)
    t.equal(body.active, true)
  })

  await t.test('for half a second a known client still gets tokens, for it was asked just now', async (t) => {
    await post(service, '/oauth/token', CLIENT_CREDENTIALS, machine.basic)
    wire.cut()
    later(499)
    t.equal((await post(service, '/oauth/token', CLIENT_CREDENTIALS, machine.basic)).status, 200)
    later(2)
    isUnavailable(t, await post(service, '/oauth/token', CLIENT_CREDENTIALS, machine.basic), 'too old')
    later(LONG)
    isUnavailable(t, await post(service, '/oauth/introspect', { token }, machine.basic), 'much too old')
    wire.mend()
    await recovered(service.app)
  })
})
