import t from 'tap'
import { operator } from '../../../commands/operator.ts'
import { uuidv7 } from '../../../domain/id.ts'
import type { Claims } from '../../../verifier/claims.ts'
import { build } from '../../harness/build.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'
import {
  answerOf,
  basic,
  claimsOf,
  FORM,
  JSON_TYPE,
  NOT_WHO_IT_SAYS,
  oauthRefusal,
  post,
  register,
  tokenOf
} from '../../oauth/machine.ts'

const INTROSPECT = '/oauth/introspect'
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

function ok(body: object) {
  return { status: 200, type: JSON_TYPE, cache: 'no-store', authenticate: undefined, cookies: [], body }
}

/** All that is ever said of a token that does not count, whatever the reason (RFC 7662 §2.2). */
const INACTIVE = ok({ active: false })
const NO_TOKEN = oauthRefusal(400, 'invalid_request', 'token is missing.')

t.test('POST /oauth/introspect', async (t) => {
  const service = await build(t)
  const { app, clock } = service
  const machine = await register(service, { grants: ['client_credentials', EXCHANGE] })
  const stranger = await register(service)
  const gateway = await register(service, { scope: ['tokens:introspect', 'orders:read'] })
  const root = await service.setUp()
  const ask = async (token: string, { basic } = machine, more: Record<string, string> = {}) =>
    answerOf(await post(service, INTROSPECT, { token, ...more }, basic))

  /** A token of ours, well signed, whatever it claims. */
  function issue(change: Partial<Claims> = {}): string {
    const now = Math.floor(clock() / 1000)
    const [iss, aud] = ['http://localhost:3000', 'http://localhost:3000']
    const own = { sub: machine.id, client_id: machine.id, client_ver: 1, scope: 'a' }
    return app.accessTokens.issue({ iss, aud, ...own, jti: uuidv7(), iat: now, exp: now + 300, ...change })
  }

  await t.test('a client learns all about a token of its own', async (t) => {
    const token = await tokenOf(service, machine, { scope: 'b' })
    const { jti, iat, exp } = claimsOf(token)
    const expected = {
      active: true,
      token_type: 'Bearer',
      iss: 'http://localhost:3000',
      aud: 'http://localhost:3000',
      sub: machine.id,
      client_id: machine.id,
      jti,
      iat,
      exp,
      scope: 'b'
    }
    t.strictSame(await ask(token), ok(expected))
  })

  await t.test(
    'nothing of another client’s token is told, nor of a person’s, not even that it is one',
    async (t) => {
      t.strictSame(await ask(await tokenOf(service, machine), stranger), INACTIVE)
      t.strictSame(await ask(root.value('access'), machine), INACTIVE)
    }
  )

  await t.test('a client with the scope tokens:introspect learns about everybody’s', async (t) => {
    t.match((await ask(await tokenOf(service, machine), gateway)).body, { active: true, sub: machine.id })
    const { jti, iat, exp, sub, auth_time, scope } = claimsOf(root.value('access'))
    const expected = {
      active: true,
      token_type: 'Bearer',
      iss: 'http://localhost:3000',
      aud: 'http://localhost:3000',
      sub,
      jti,
      iat,
      exp,
      scope,
      auth_time,
      roles: ['admin', 'user']
    }
    t.strictSame(await ask(root.value('access'), gateway), ok(expected))
  })

  await t.test('the scope that a client was given counts, not that of the token it once got', async (t) => {
    const { id, basic } = await register(service, { scope: ['tokens:introspect'] })
    await app.clients.change(id, { scope: [] }, operator)
    t.strictSame(await ask(root.value('access'), { ...gateway, id, basic }), INACTIVE)
  })

  await t.test('of an exchanged token it is told who acts for whom', async (t) => {
    const ada = await service.signUp('reader@example.com')
    const form = {
      grant_type: EXCHANGE,
      subject_token: ada.value('access'),
      subject_token_type: ACCESS_TOKEN
    }
    const { access_token: token } = (await post(service, '/oauth/token', form, machine.basic)).body
    const { jti, iat, exp, sub, auth_time } = claimsOf(token)
    const expected = {
      active: true,
      token_type: 'Bearer',
      iss: 'http://localhost:3000',
      aud: 'http://localhost:3000',
      sub,
      client_id: machine.id,
      jti,
      iat,
      exp,
      scope: '',
      auth_time,
      roles: [],
      act: { sub: machine.id }
    }
    t.strictSame(await ask(token), ok(expected))
    t.strictSame(await ask(token, stranger), INACTIVE)
  })

  await t.test('a token for another service is told about, too', async (t) => {
    const abroad = await register(service, { audiences: ['https://orders.example.com'] })
    const token = await tokenOf(service, abroad)
    t.match((await ask(token, abroad)).body, { active: true, aud: 'https://orders.example.com' })
  })

  t.test('a token that does not count', async (t) => {
    await t.test('is inactive where it has expired', async (t) => {
      const now = Math.floor(clock() / 1000)
      t.match((await ask(issue({ exp: now - 4 }))).body, { active: true }, 'within the clocks’ difference')
      t.strictSame(await ask(issue({ exp: now - 5 })), INACTIVE)
    })

    await t.test('is inactive where it does not count yet', async (t) => {
      const now = Math.floor(clock() / 1000)
      t.strictSame(await ask(issue({ nbf: now + 62 })), INACTIVE)
      t.strictSame(await ask(issue({ iat: now + 62, exp: now + 362 })), INACTIVE)
    })

    await t.test('is inactive where it was revoked', async (t) => {
      const token = await tokenOf(service, machine)
      t.equal((await post(service, '/oauth/revoke', { token }, machine.basic)).status, 200)
      await app.revocations.poll()
      t.strictSame(await ask(token), INACTIVE)
    })

    await t.test('is inactive where its client lost it', async (t) => {
      const other = await register(service)
      const token = await tokenOf(service, other)
      await app.clients.change(other.id, { disabled: true }, operator)
      await app.revocations.poll()
      t.strictSame(await ask(token, gateway), INACTIVE)
    })

    await t.test('is inactive where its person has signed out or has another role', async (t) => {
      const ada = await service.signUp('ada@example.com')
      const gone = ada.value('access')
      t.equal((await ask(gone, gateway)).body.active, true)
      await ada.post('/auth/logout')
      const bob = await service.signUp('bob@example.com')
      const stale = bob.value('access')
      const { sub } = claimsOf(stale)
      await root.patch(`/admin/users/${sub}`, { roles: ['admin'] })
      await app.revocations.poll()
      t.strictSame(await ask(gone, gateway), INACTIVE)
      t.strictSame(await ask(stale, gateway), INACTIVE)
    })

    await t.test('is inactive where it is not ours, or no token at all', async (t) => {
      const good = await tokenOf(service, machine)
      const [header, payload, signature] = good.split('.') as [string, string, string]
      const elsewhere = await build(t)
      const foreign = await tokenOf(elsewhere, await register(elsewhere))
      const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
      const bad: Array<[string, string]> = [
        ['rubbish', 'x'],
        ['a text', '💥\u0000'],
        ['another’s key', foreign],
        ['another issuer', issue({ iss: 'https://elsewhere.example' })],
        ['no signature', `${header}.${payload}.`],
        ['alg none', `${encode({ alg: 'none', typ: 'at+jwt' })}.${payload}.`],
        ['changed', `${header}.${encode({ ...claimsOf(good), scope: 'admin' })}.${signature}`],
        ['no client and no session', issue({ client_id: undefined as unknown as string })],
        ['a secret', machine.secret],
        ['a refresh token', root.value('refresh')]
      ]
      for (const [how, token] of bad) t.strictSame(await ask(token, gateway), INACTIVE, how)
    })
  })

  await t.test('token_type_hint is a hint: whatever it says, the token is found', async (t) => {
    const token = await tokenOf(service, machine)
    for (const token_type_hint of ['access_token', 'refresh_token', 'strange', ''])
      t.equal((await ask(token, machine, { token_type_hint })).body.active, true, token_type_hint)
  })

  await t.test('a request without token is invalid_request', async (t) => {
    t.strictSame(answerOf(await post(service, INTROSPECT, {}, machine.basic)), NO_TOKEN)
    t.strictSame(await ask(''), NO_TOKEN)
    t.strictSame(answerOf(await post(service, `${INTROSPECT}?token=x`, '', machine.basic)), NO_TOKEN)
  })

  await t.test('nobody learns anything without being a client', async (t) => {
    const token = await tokenOf(service, machine)
    t.strictSame(await ask(token, { ...machine, basic: basic(machine.id, 'wrong') }), NOT_WHO_IT_SAYS)
    const bearer = await post(service, INTROSPECT, { token }, { authorization: `Bearer ${token}` })
    t.equal(bearer.status, 401)
    t.equal(bearer.body.error, 'invalid_client')
    t.equal((await post(service, INTROSPECT, { token })).status, 401)
  })

  await t.test('is answered to a form alone, and to POST', async (t) => {
    const token = await tokenOf(service, machine)
    const json = await service.browser({}).post(INTROSPECT, { token }, machine.basic)
    t.equal(json.status, 400)
    t.equal(json.body.error, 'invalid_request')
    for (const method of ['GET', 'PUT', 'DELETE'] as const) {
      const url = `${INTROSPECT}?token=${token}`
      const answer = await service.browser({}).request(method, url, undefined, { ...machine.basic })
      t.strictSame(refusalOf(answer), refusal(405, 'method_not_allowed'), method)
      t.equal(answer.headers.allow, 'POST')
    }
    const twice = `token=${token}&token=${token}`
    t.equal((await post(service, INTROSPECT, twice, { ...machine.basic, 'content-type': FORM })).status, 400)
    t.equal((await ask('x'.repeat(8193))).status, 400)
    t.equal((await ask(`${'x'.repeat(8000)}`)).status, 200)
  })

  await t.test('no page of another site may read the answer', async (t) => {
    const headers = { ...machine.basic, origin: 'https://elsewhere.example' }
    const answer = await post(service, INTROSPECT, { token: 'x' }, headers)
    t.notOk('access-control-allow-origin' in answer.headers)
  })
})

t.test('while nobody knows what was revoked, introspection is 503 and says nothing', async (t) => {
  let [monotonic, step] = [0, 0]
  const service = await build(t, {
    monotonic() {
      monotonic += step
      return monotonic
    }
  })
  const machine = await register(service)
  const token = await tokenOf(service, machine)
  // Whenever it was read, that is too long ago at the next look.
  step = 10_001
  const answer = await post(service, INTROSPECT, { token }, machine.basic)
  t.equal(answer.status, 503)
  t.equal(answer.body.error, 'temporarily_unavailable')
  t.strictSame(Object.keys(answer.body), ['error', 'error_description'])
  t.equal(answer.headers['retry-after'], '1')
})
