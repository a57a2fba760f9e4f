import { createHmac, createPublicKey, type JsonWebKey } from 'node:crypto'
import type { JWTPayload } from 'jose'
import t, { type Test } from 'tap'
import { operator } from '../../commands/operator.ts'
import { ALGORITHMS } from '../../verifier/sources.ts'
import { build } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'
import { ASSERTION_TYPE, type AssertionParts, assertion, makeKey, shown } from './assertion.ts'
import {
  answerOf,
  CLIENT_CREDENTIALS,
  claimsOf,
  NOT_WHO_IT_SAYS,
  oauthRefusal,
  post,
  register,
  tokenOf
} from './machine.ts'

const ISSUER = 'http://localhost:3000'
const PARALLEL = 25
const ROUNDS = 4

t.test('private_key_jwt', async (t) => {
  let monotonic = 0
  const service = await build(t, { monotonic: () => monotonic })
  const { app, clock } = service
  const key = await makeKey('ES256', 'mine')
  const machine = await register(service, { jwks: [key.jwk] })
  const otherKey = await makeKey('ES256', 'theirs')
  const other = await register(service, { jwks: [otherKey.jwk] })
  const seconds = () => Math.floor(clock() / 1000)
  const ask = (fields: Record<string, string>, path = '/oauth/token') =>
    post(service, path, { ...CLIENT_CREDENTIALS, ...fields })
  const show = async (parts: AssertionParts = {}) =>
    ask(shown(await assertion(machine.id, key, clock(), parts)))
  const refuses = async (t: Test, how: string, parts: AssertionParts) =>
    t.strictSame(answerOf(await show(parts)), NOT_WHO_IT_SAYS, how)

  for (const alg of ALGORITHMS) {
    await t.test(`a client that signs with ${alg} gets tokens, and needs no secret`, async (t) => {
      const mine = await makeKey(alg)
      const { id, secret } = await register(service, { jwks: [mine.jwk] })
      t.equal(secret, '')
      const { status, body } = await ask(shown(await assertion(id, mine, clock())))
      t.equal(status, 200)
      t.match(claimsOf(body.access_token), { sub: id, client_id: id, scope: 'a b' })
    })
  }

  await t.test('EdDSA is taken under both of its names', async (t) => {
    const mine = await makeKey('EdDSA')
    const { id } = await register(service, { jwks: [mine.jwk] })
    for (const alg of ['EdDSA', 'Ed25519']) {
      const fields = shown(await assertion(id, mine, clock(), { header: { alg } }))
      t.equal((await ask(fields)).status, 200, alg)
    }
  })

  await t.test('is taken by introspection and revocation, too', async (t) => {
    const { body } = await show()
    const fields = async () => ({
      ...shown(await assertion(machine.id, key, clock())),
      token: body.access_token as string
    })
    t.match((await ask(await fields(), '/oauth/introspect')).body, { active: true, client_id: machine.id })
    t.equal((await ask(await fields(), '/oauth/revoke')).status, 200)
  })

  await t.test('an assertion may be meant for the issuer or for the token endpoint', async (t) => {
    const ours = [ISSUER, `${ISSUER}/oauth/token`]
    for (const aud of [...ours, ...ours.map((each) => [each]), ours])
      t.equal((await show({ claims: { aud } })).status, 200, JSON.stringify(aud))
  })

  await t.test(
    'at another endpoint an assertion may be meant for that endpoint, alone or in an array',
    async (t) => {
      const { body } = await show()
      const token = body.access_token as string
      const token_endpoint = `${ISSUER}/oauth/token`
      for (const path of ['/oauth/introspect', '/oauth/revoke']) {
        const endpoint = `${ISSUER}${path}`
        const present = async (aud: JWTPayload['aud'], at = path) => {
          const fields = shown(await assertion(machine.id, key, clock(), { claims: { aud } as JWTPayload }))
          return ask({ ...fields, token }, at)
        }
        // openid-client 5 names the issuer and the token endpoint at every endpoint.
        const own = [endpoint, [endpoint], [ISSUER, token_endpoint], [ISSUER, token_endpoint, endpoint]]
        for (const aud of own) t.equal((await present(aud)).status, 200, `${path} ${aud}`)
        t.strictSame(answerOf(await present(endpoint, '/oauth/token')), NOT_WHO_IT_SAYS, 'nowhere else')
        t.strictSame(answerOf(await present(`${endpoint}/`)), NOT_WHO_IT_SAYS)
        t.strictSame(answerOf(await present([endpoint, 'https://elsewhere.example'])), NOT_WHO_IT_SAYS)
        const other = path === '/oauth/revoke' ? '/oauth/introspect' : '/oauth/revoke'
        t.strictSame(answerOf(await present(endpoint, other)), NOT_WHO_IT_SAYS)
      }
    }
  )

  await t.test('an assertion for one endpoint is used up at every other', async (t) => {
    const aud = [ISSUER, `${ISSUER}/oauth/token`, `${ISSUER}/oauth/introspect`]
    const { body } = await show()
    const once = shown(await assertion(machine.id, key, clock(), { claims: { aud } }))
    t.equal((await ask({ ...once, token: body.access_token as string }, '/oauth/introspect')).status, 200)
    t.strictSame(answerOf(await ask(once)), NOT_WHO_IT_SAYS)
    const anew = shown(await assertion(machine.id, key, clock(), { claims: { aud: aud.slice(0, 2) } }))
    t.equal((await ask(anew)).status, 200)
    t.strictSame(
      answerOf(await ask({ ...anew, token: body.access_token as string }, '/oauth/introspect')),
      NOT_WHO_IT_SAYS
    )
  })

  await t.test('an assertion for anybody else, or for others, too, is refused', async (t) => {
    const others: Array<JWTPayload['aud']> = [
      'https://elsewhere.example',
      `${ISSUER}/`,
      `${ISSUER}/oauth/introspect`,
      '',
      [],
      [ISSUER, 'https://elsewhere.example'],
      ['https://elsewhere.example', ISSUER]
    ]
    for (const aud of others) await refuses(t, JSON.stringify(aud), { claims: { aud } as JWTPayload })
    await refuses(t, 'no aud', { without: ['aud'] })
    await refuses(t, 'no text', { claims: { aud: 7 as unknown as string } })
  })

  await t.test('an assertion must end, within five minutes, and not have ended', async (t) => {
    t.equal((await show({ claims: { exp: seconds() + 300 } })).status, 200, '300 s')
    t.equal((await show({ claims: { exp: seconds() - 4 } })).status, 200, 'within the clocks’ difference')
    await refuses(t, 'no exp', { without: ['exp'] })
    t.equal((await show({ claims: { exp: seconds() + 359 } })).status, 200, 'by a clock that is ahead')
    await refuses(t, 'too long', { claims: { exp: seconds() + 362 } })
    await refuses(t, 'for years', { claims: { exp: seconds() + 1e9 } })
    await refuses(t, 'over', { claims: { exp: seconds() - 6 } })
    await refuses(t, 'no number', { claims: { exp: String(seconds() + 60) as unknown as number } })
    await refuses(t, 'too large a number', { claims: { exp: 1e300 } })
  })

  await t.test('an assertion that does not count yet is refused', async (t) => {
    for (const name of ['nbf', 'iat']) {
      for (const ahead of [61, 3600, 1e9, -1 - seconds()])
        await refuses(t, `${name} ${ahead}`, { claims: { [name]: seconds() + ahead } })
      for (const ahead of [-30, 30, 59])
        t.equal((await show({ claims: { [name]: seconds() + ahead } })).status, 200, `${name} ${ahead}`)
    }
    t.equal((await show({ without: ['iat'] })).status, 200, 'iat may be left out')
  })

  await t.test('an assertion calls itself one, or nothing', async (t) => {
    for (const typ of ['JWT', 'jwt', 'client-authentication+jwt', 'application/jwt'])
      t.equal((await show({ header: { typ } })).status, 200, typ)
    for (const typ of ['at+jwt', 'dpop+jwt', 'logout+jwt', 'id_token', ''])
      await refuses(t, typ, { header: { typ } })
  })

  await t.test('an assertion must have a jti of reasonable length', async (t) => {
    await refuses(t, 'none', { without: ['jti'] })
    await refuses(t, 'empty', { claims: { jti: '' } })
    await refuses(t, 'too long', { claims: { jti: 'x'.repeat(201) } })
    for (const jti of [7, true, null, [], ['x'], {}, { length: 1 }] as unknown[])
      await refuses(t, JSON.stringify(jti), { claims: { jti: jti as string } })
    t.equal((await show({ claims: { jti: 'x'.repeat(200) } })).status, 200)
  })

  await t.test('the issuer and the subject must be the client', async (t) => {
    await refuses(t, 'sub of another', { claims: { sub: other.id } })
    await refuses(t, 'iss of another', { claims: { iss: other.id } })
    await refuses(t, 'both of another', { claims: { iss: other.id, sub: other.id } })
    await refuses(t, 'no sub', { without: ['sub'] })
    await refuses(t, 'unknown', { claims: { iss: 'nobody', sub: 'nobody' } })
    const nameless = await show({ without: ['iss'] })
    const refusal = oauthRefusal(401, 'invalid_client', 'The client assertion names no issuer.')
    t.strictSame(answerOf(nameless), refusal)
  })

  await t.test('an assertion signed by another’s key, or by none that is known, is refused', async (t) => {
    const theirs = await assertion(machine.id, otherKey, clock())
    t.strictSame(answerOf(await ask(shown(theirs))), NOT_WHO_IT_SAYS, 'another client’s key')
    await refuses(t, 'unknown kid', { header: { kid: 'unheard of' } })
    const disguised = await assertion(machine.id, otherKey, clock(), { header: { kid: 'mine' } })
    t.strictSame(answerOf(await ask(shown(disguised))), NOT_WHO_IT_SAYS, 'under the name of ours')
    const { jwk } = otherKey
    const brought = await assertion(machine.id, otherKey, clock(), { header: { kid: 'mine', jwk } })
    t.strictSame(answerOf(await ask(shown(brought))), NOT_WHO_IT_SAYS, 'with a key of its own in the header')
  })

  await t.test('alg none and HS256 with the public key are refused', async (t) => {
    const good = await assertion(machine.id, key, clock())
    const payload = good.split('.')[1] as string
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    for (const alg of ['none', 'None', 'NONE'])
      t.strictSame(answerOf(await ask(shown(`${encode({ alg })}.${payload}.`))), NOT_WHO_IT_SAYS, alg)
    const publicKey = createPublicKey({ key: key.jwk as JsonWebKey, format: 'jwk' })
    const pem = publicKey.export({ type: 'spki', format: 'pem' })
    for (const secret of [pem, JSON.stringify(key.jwk), String(key.jwk.x)]) {
      const signed = `${encode({ alg: 'HS256', kid: 'mine' })}.${payload}`
      const mac = createHmac('sha256', secret).update(signed).digest('base64url')
      t.strictSame(answerOf(await ask(shown(`${signed}.${mac}`))), NOT_WHO_IT_SAYS, 'HS256')
    }
  })

  await t.test('a changed assertion is refused', async (t) => {
    const [header, , signature] = (await assertion(machine.id, key, clock())).split('.') as [
      string,
      string,
      string
    ]
    const payload = (await assertion(machine.id, key, clock())).split('.')[1]
    t.strictSame(answerOf(await ask(shown(`${header}.${payload}.${signature}`))), NOT_WHO_IT_SAYS)
  })

  await t.test('an unknown critical header is refused', async (t) => {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const [, payload, signature] = (await assertion(machine.id, key, clock())).split('.')
    const crit = encode({ alg: 'ES256', kid: 'mine', crit: ['strange'], strange: true })
    t.strictSame(answerOf(await ask(shown(`${crit}.${payload}.${signature}`))), NOT_WHO_IT_SAYS)
  })

  await t.test('claims of its own are passed over', async (t) => {
    const { status, body } = await show({
      claims: { scope: 'users:write', roles: ['admin'], act: { sub: 'x' } }
    })
    t.equal(status, 200)
    const claims = claimsOf(body.access_token)
    t.equal(claims.scope, 'a b')
    t.notOk('roles' in claims)
    t.notOk('act' in claims)
  })

  await t.test('a client_id beside the assertion must be that of its issuer', async (t) => {
    const fields = async () => shown(await assertion(machine.id, key, clock()))
    t.equal((await ask({ ...(await fields()), client_id: machine.id })).status, 200)
    const refusal = oauthRefusal(400, 'invalid_request', 'client_id is not that of the credentials.')
    t.strictSame(answerOf(await ask({ ...(await fields()), client_id: other.id })), refusal)
  })

  await t.test('an assertion and its type come together', async (t) => {
    const detail = `An assertion needs client_assertion_type ${ASSERTION_TYPE}.`
    const refusal = oauthRefusal(400, 'invalid_request', detail)
    const client_assertion = await assertion(machine.id, key, clock())
    const saml = 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer'
    const incomplete: Record<string, string>[] = [
      { client_assertion },
      { client_assertion_type: ASSERTION_TYPE },
      { client_assertion, client_assertion_type: saml }
    ]
    for (const fields of incomplete) t.strictSame(answerOf(await ask(fields)), refusal)
    t.equal((await ask(shown(client_assertion))).status, 200, 'it was not used up')
  })

  await t.test('what is no JWT is invalid_client', async (t) => {
    const refusal = oauthRefusal(401, 'invalid_client', 'The client assertion is not a JWT.')
    for (const text of ['x', 'a.b', 'a.b.c', '..', 'e30.bm8.x', 'a.b.c.d.e', 'e30.W10.x', '💥'])
      t.strictSame(answerOf(await ask(shown(text))), refusal, text)
  })

  await t.test('the same JWT twice is refused, and so is another with its jti', async (t) => {
    const once = await assertion(machine.id, key, clock())
    t.equal((await ask(shown(once))).status, 200)
    t.strictSame(answerOf(await ask(shown(once))), NOT_WHO_IT_SAYS)
    await refuses(t, 'the same jti', { claims: { jti: String(claimsOf(once).jti), exp: seconds() + 120 } })
  })

  await t.test('a jti is the client’s own: another’s use of it does not matter', async (t) => {
    t.equal((await show({ claims: { jti: 'shared' } })).status, 200)
    const theirs = await assertion(other.id, otherKey, clock(), { claims: { jti: 'shared' } })
    t.equal((await ask(shown(theirs))).status, 200)
  })

  await t.test('a used assertion is remembered until it is over, and not longer', async (t) => {
    const exp = seconds() + 300
    const once = await assertion(machine.id, key, clock(), { claims: { jti: 'remembered', exp } })
    t.equal((await ask(shown(once))).status, 200)
    clock.advance(304_000)
    await app.store.purge(clock(), 1000)
    t.strictSame(answerOf(await ask(shown(once))), NOT_WHO_IT_SAYS, 'used')
    clock.advance(2_001)
    await app.store.purge(clock(), 1000)
    t.ok(await app.store.clients.useAssertion(machine.id, 'remembered', clock()), 'its row is gone')
    t.strictSame(answerOf(await ask(shown(once))), NOT_WHO_IT_SAYS, 'over')
  })

  await t.test('each of a client’s keys counts, until it is taken away', async (t) => {
    const [first, second] = [await makeKey('ES256', 'first'), await makeKey('ES256', 'second')]
    const { id } = await register(service, { jwks: [first.jwk, second.jwk] })
    for (const each of [first, second])
      t.equal((await ask(shown(await assertion(id, each, clock())))).status, 200)
    await app.clients.change(id, { jwks: [second.jwk] }, operator)
    t.strictSame(answerOf(await ask(shown(await assertion(id, first, clock())))), NOT_WHO_IT_SAYS)
    t.equal((await ask(shown(await assertion(id, second, clock())))).status, 200)
  })
  await t.test('a client with two keys of one kind need not name the one that it used', async (t) => {
    const [first, second] = [await makeKey('ES256'), await makeKey('ES256')]
    const { id } = await register(service, { jwks: [first.jwk, second.jwk] })
    for (const each of [first, second])
      t.equal((await ask(shown(await assertion(id, each, clock())))).status, 200)
  })

  await t.test('a client with a secret alone cannot sign, nor a disabled or deleted one', async (t) => {
    const { id } = await register(service)
    t.strictSame(answerOf(await ask(shown(await assertion(id, key, clock())))), NOT_WHO_IT_SAYS)
    const mine = await makeKey('EdDSA')
    const { id: disabled } = await register(service, { jwks: [mine.jwk] })
    await app.clients.change(disabled, { disabled: true }, operator)
    t.strictSame(answerOf(await ask(shown(await assertion(disabled, mine, clock())))), NOT_WHO_IT_SAYS)
    await app.clients.delete(disabled, operator)
    monotonic += 501
    t.strictSame(answerOf(await ask(shown(await assertion(disabled, mine, clock())))), NOT_WHO_IT_SAYS)
  })

  await t.test('an access token is no assertion', async (t) => {
    const token = await tokenOf(service, await register(service))
    t.strictSame(answerOf(await ask(shown(token))), NOT_WHO_IT_SAYS)
  })
})

for (const engine of engines) {
  t.test(`assertions shown to two instances on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const first = await build(t, { engine })
    const second = await build(t, { env: first.env, clock: first.clock })
    const key = await makeKey('ES256')
    const { id } = await register(first, { jwks: [key.jwk] })

    await t.test('one shown 25 times at once passes exactly once', async (t) => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const fields = { ...CLIENT_CREDENTIALS, ...shown(await assertion(id, key, first.clock())) }
        const answers = await Promise.all(
          Array.from({ length: PARALLEL }, (_, n) => post(n % 2 ? first : second, '/oauth/token', fields))
        )
        const passed = answers.filter(({ status }) => status === 200)
        const refused = answers.filter(({ status }) => status !== 200)
        t.equal(passed.length, 1)
        for (const answer of refused) t.strictSame(answerOf(answer), NOT_WHO_IT_SAYS)
      }
    })

    await t.test('25 different ones at once all pass', async (t) => {
      const answers = await Promise.all(
        Array.from({ length: PARALLEL }, async (_, n) => {
          const fields = { ...CLIENT_CREDENTIALS, ...shown(await assertion(id, key, first.clock())) }
          return post(n % 2 ? first : second, '/oauth/token', fields)
        })
      )
      t.ok(answers.every(({ status }) => status === 200))
    })

    await t.test('a jti is any text but for a NUL', async (t) => {
      for (const jti of ['💥', '\ud800', "' or 1=1 --", 'é\n']) {
        const text = await assertion(id, key, first.clock(), { claims: { jti } })
        const { status } = await post(first, '/oauth/token', { ...CLIENT_CREDENTIALS, ...shown(text) })
        t.equal(status, 200, JSON.stringify(jti))
      }
      const text = await assertion(id, key, first.clock(), { claims: { jti: 'a\u0000b' } })
      const refused = await post(first, '/oauth/token', { ...CLIENT_CREDENTIALS, ...shown(text) })
      t.strictSame(answerOf(refused), NOT_WHO_IT_SAYS)
    })
  })
}
