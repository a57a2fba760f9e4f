import t, { type Test } from 'tap'
import { operator } from '../../commands/operator.ts'
import { HOUR } from '../../domain/clock.ts'
import { build, type TestApp } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'
import {
  answerOf,
  basic,
  CLIENT_CREDENTIALS,
  type Machine,
  NOT_WHO_IT_SAYS,
  oauthRefusal,
  post,
  rawBasic,
  register
} from './machine.ts'

const TOKEN = '/oauth/token'
const ENDPOINTS = [TOKEN, '/oauth/introspect', '/oauth/revoke']
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const UNKNOWN = '01900000-0000-7000-8000-000000000000'
const NOT_BASIC = oauthRefusal(401, 'invalid_client', 'The Authorization header is not Basic authentication.')
const NOBODY = oauthRefusal(401, 'invalid_client', 'The client did not say who it is.')
const TWO_WAYS = oauthRefusal(400, 'invalid_request', 'More than one way of client authentication.')
const OTHER_ID = oauthRefusal(400, 'invalid_request', 'client_id is not that of the credentials.')

/** What the endpoints answer where nothing but the credentials can be wrong with the request. */
function ask(service: TestApp, fields: Record<string, string>, headers: Record<string, string> = {}) {
  return post(service, TOKEN, { ...CLIENT_CREDENTIALS, ...fields }, headers)
}

const secretPost = ({ id, secret }: Pick<Machine, 'id' | 'secret'>) => ({
  client_id: id,
  client_secret: secret
})

t.test('who a client is', async (t) => {
  const service = await build(t)
  const machine = await register(service)

  await t.test('is proved by HTTP Basic', async (t) => {
    t.equal((await ask(service, {}, machine.basic)).status, 200)
  })

  await t.test('is proved by client_id and client_secret in the body', async (t) => {
    t.equal((await ask(service, secretPost(machine))).status, 200)
  })

  await t.test('is proved by a secret of 256 random bits, of which the database has a hash', async (t) => {
    const machines = await Promise.all(Array.from({ length: 20 }, () => register(service)))
    const secrets = machines.map(({ secret }) => secret)
    for (const secret of secrets) t.match(secret, /^ghs_[\w-]{43}$/)
    t.equal(new Set(secrets).size, 20)
    const kept = JSON.stringify(await service.app.store.clients.list({ limit: 50 }))
    for (const secret of secrets) t.notOk(kept.includes(secret.slice('ghs_'.length)))
  })

  await t.test('is asked for by every endpoint, and 401 says which scheme it is proved by', async (t) => {
    for (const path of ENDPOINTS) {
      t.strictSame(answerOf(await post(service, path, { token: 'x' })), NOBODY, path)
      const { headers } = await post(service, path, {}, basic(machine.id, 'wrong'))
      t.equal(headers['www-authenticate'], 'Basic realm="gatehouse"')
    }
  })

  await t.test('is not proved by an id alone', async (t) => {
    t.strictSame(answerOf(await ask(service, { client_id: machine.id })), NOBODY)
    t.strictSame(answerOf(await ask(service, {}, basic(machine.id, ''))), NOT_WHO_IT_SAYS)
  })

  await t.test('the name of the scheme is read in any case', async (t) => {
    const encoded = machine.basic.authorization.slice('Basic '.length)
    for (const scheme of ['basic', 'BASIC'])
      t.equal((await ask(service, {}, { authorization: `${scheme} ${encoded}` })).status, 200)
  })

  await t.test('Basic credentials are decoded as a form’s, percent signs and pluses', async (t) => {
    const percent = (text: string) =>
      [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
    const spelt = rawBasic(`${percent(machine.id)}:${percent(machine.secret).toUpperCase()}`)
    t.equal((await ask(service, {}, spelt)).status, 200)
    t.equal((await ask(service, {}, rawBasic(`${machine.id}:${machine.secret}`))).status, 200)
    t.strictSame(answerOf(await ask(service, {}, basic(machine.id, `${machine.secret} `))), NOT_WHO_IT_SAYS)
    t.strictSame(answerOf(await ask(service, {}, rawBasic(`${machine.id}:a+b%20c:d`))), NOT_WHO_IT_SAYS)
  })

  await t.test(
    'an Authorization header that is not Basic, or badly encoded, is invalid_client',
    async (t) => {
      const good = machine.basic.authorization.slice('Basic '.length)
      const headers = [
        'Basic',
        'Basic ',
        'Basic !!!!',
        'Basic Og==',
        `Basic ${Buffer.from(machine.id).toString('base64')}`,
        `Basic  ${good}`,
        `Basic ${good} ${good}`,
        `Basic ${good}, Basic ${good}`,
        `Basic realm="x" ${good}`,
        rawBasic('%zz:%zz').authorization,
        rawBasic('%ff:%fe').authorization,
        `Bearer ${good}`,
        `Digest username="${machine.id}"`,
        good
      ]
      for (const authorization of headers)
        t.strictSame(answerOf(await ask(service, {}, { authorization })), NOT_BASIC, authorization)
    }
  )

  await t.test(
    'is said in one way alone: two at once are invalid_request, though both are right',
    async (t) => {
      const assertion = { client_assertion: 'e30.e30.x', client_assertion_type: ASSERTION_TYPE }
      const claiming = `e30.${Buffer.from(JSON.stringify({ iss: machine.id })).toString('base64url')}.x`
      t.strictSame(answerOf(await ask(service, secretPost(machine), machine.basic)), TWO_WAYS)
      const both = { ...assertion, client_assertion: claiming }
      t.strictSame(answerOf(await ask(service, both, machine.basic)), TWO_WAYS)
      t.strictSame(answerOf(await ask(service, { ...both, ...secretPost(machine) })), TWO_WAYS)
    }
  )

  await t.test('a client_id beside the credentials must be theirs', async (t) => {
    t.equal((await ask(service, { client_id: machine.id }, machine.basic)).status, 200)
    t.strictSame(answerOf(await ask(service, { client_id: UNKNOWN }, machine.basic)), OTHER_ID)
  })

  await t.test('a secret without a client_id is invalid_request', async (t) => {
    const missing = oauthRefusal(400, 'invalid_request', 'client_id is missing.')
    t.strictSame(answerOf(await ask(service, { client_secret: machine.secret })), missing)
  })

  await t.test('cookies are no credentials here', async (t) => {
    const window = await service.signUp()
    const answer = await window.post(TOKEN, 'grant_type=client_credentials', {
      'content-type': 'application/x-www-form-urlencoded'
    })
    t.strictSame(answerOf(answer), NOBODY)
  })
})

for (const engine of engines) {
  t.test(`credentials that are wrong, on ${engine.name}`, { skip: engine.missing }, async (t) => {
    let monotonic = 0
    const service = await build(t, { engine, monotonic: () => monotonic })
    const { app, clock } = service
    const good = await register(service)
    const disabled = await register(service)
    const deleted = await register(service)
    const keysOnly = await register(service, { jwks: [{ kty: 'OKP', crv: 'Ed25519', x: 'x' }] })
    for (const { basic } of [disabled, deleted]) t.equal((await ask(service, {}, basic)).status, 200)
    await app.clients.change(disabled.id, { disabled: true }, operator)
    await app.clients.delete(deleted.id, operator)
    monotonic += 501

    await t.test(
      'are answered alike for a client that is unknown, disabled, deleted, or another',
      async (t) => {
        const wrong: Array<[string, string, string]> = [
          ['unknown', UNKNOWN, good.secret],
          ['wrong secret', good.id, `ghs_${'A'.repeat(43)}`],
          ['empty secret', good.id, ''],
          ['another’s secret', good.id, disabled.secret],
          ['disabled', disabled.id, disabled.secret],
          ['disabled, wrong secret', disabled.id, 'x'],
          ['deleted', deleted.id, deleted.secret],
          ['signs assertions instead', keysOnly.id, ''],
          ['signs assertions instead, some secret', keysOnly.id, good.secret],
          ['id in capitals', good.id.toUpperCase(), good.secret],
          ['a part of the secret', good.id, good.secret.slice(0, -1)],
          ['more than the secret', good.id, `${good.secret}=`],
          ['no id of ours', '../../etc/passwd', good.secret]
        ]
        for (const [how, id, secret] of wrong) {
          for (const path of ENDPOINTS) {
            const fields = { ...CLIENT_CREDENTIALS, token: 'x' }
            t.strictSame(answerOf(await post(service, path, fields, basic(id, secret))), NOT_WHO_IT_SAYS, how)
          }
          if (secret === '') continue
          t.strictSame(answerOf(await ask(service, secretPost({ id, secret }))), NOT_WHO_IT_SAYS, how)
        }
      }
    )

    await t.test(
      'are looked up in the database as often, whether there is such a client or not',
      async (t) => {
        const reads = async (id: string) => {
          const { clients } = app.store
          const find = clients.find
          let count = 0
          clients.find = (each) => {
            count += 1
            return find(each)
          }
          await ask(service, {}, basic(id, 'wrong'))
          clients.find = find
          return count
        }
        monotonic += 501
        const counts = [
          await reads(UNKNOWN),
          await reads(good.id),
          await reads(disabled.id),
          await reads(deleted.id)
        ]
        t.strictSame(counts, [2, 2, 2, 2])
      }
    )

    await t.test('are refused whatever characters they are made of, never a 500', async (t) => {
      const strange = [
        '\u0000',
        'a\u0000b',
        '\ud800',
        '\uffff',
        '💥',
        "' or 1=1 --",
        '%',
        'x'.repeat(7000),
        '\n'
      ]
      for (const text of strange) await refuseAll(t, service, good, text)
    })

    await t.test('an expired secret is a wrong one, from its moment on', async (t) => {
      const machine = await register(service)
      const { secret } = await app.clients.addSecret(machine.id, clock() + HOUR, operator)
      clock.advance(HOUR - 1)
      t.equal((await ask(service, {}, basic(machine.id, secret))).status, 200)
      clock.advance(1)
      t.strictSame(answerOf(await ask(service, {}, basic(machine.id, secret))), NOT_WHO_IT_SAYS)
      t.equal((await ask(service, {}, machine.basic)).status, 200, 'the other one goes on')
    })

    await t.test('is an audit event without a word of the secret, one a minute for an address', async (t) => {
      clock.advance(60_000)
      await ask(service, {}, basic(good.id, 'x'))
      for (let n = 0; n < 7; n += 1) await ask(service, {}, basic(good.id, 'x'))
      clock.advance(60_000)
      const before = (await eventsOf(service)).length
      await ask(service, {}, basic(good.id, 'canary-of-a-secret'))
      await ask(service, {}, good.basic)
      const events = await eventsOf(service)
      t.equal(events.length, before + 1)
      t.match(events[0], { type: 'client.authentication_failed', actorId: null, detail: { unwritten: 7 } })
      t.notMatch(JSON.stringify(events), /canary/)
    })
  })
}

/** As the id, as the secret, as the issuer of an assertion. */
async function refuseAll(t: Test, service: TestApp, { id }: Machine, text: string): Promise<void> {
  const shown = JSON.stringify(text).slice(0, 20)
  for (const pair of [secretPost({ id: text, secret: 'x' }), secretPost({ id, secret: text })])
    t.strictSame(answerOf(await ask(service, pair)), NOT_WHO_IT_SAYS, shown)
  const iss = Buffer.from(JSON.stringify({ iss: text, sub: text })).toString('base64url')
  const assertion = { client_assertion: `e30.${iss}.x`, client_assertion_type: ASSERTION_TYPE }
  t.strictSame(answerOf(await ask(service, assertion)), NOT_WHO_IT_SAYS, `${shown} in an assertion`)
}

async function eventsOf({ app }: TestApp) {
  return app.store.audit.list({ type: 'client.authentication_failed', limit: 200 })
}

t.test('failures count as failed sign-ins of their address', async (t) => {
  const LIMIT = 5
  const service = await build(t, { env: { AUTH_LOGIN_LIMIT_PER_IP: String(LIMIT) } })
  const machine = await register(service)
  const limited = oauthRefusal(
    429,
    'temporarily_unavailable',
    'Too many attempts: wait before you try again.'
  )

  await t.test('successes are never limited', async (t) => {
    for (let n = 0; n < LIMIT * 4; n += 1) t.equal((await ask(service, {}, machine.basic)).status, 200)
  })

  await t.test('over the limit a failure is 429 with Retry-After, at every endpoint', async (t) => {
    for (let n = 0; n < LIMIT; n += 1)
      t.strictSame(answerOf(await ask(service, {}, basic(machine.id, 'wrong'))), NOT_WHO_IT_SAYS)
    for (const path of ENDPOINTS) {
      const refused = await post(service, path, CLIENT_CREDENTIALS, basic(UNKNOWN, 'wrong'))
      t.strictSame(answerOf(refused), limited, path)
      t.match(refused.headers['retry-after'], /^([1-9]|[1-5]\d|60)$/)
    }
    t.strictSame(answerOf(await ask(service, {})), limited, 'no credentials at all')
  })

  await t.test('whoever is right still gets tokens: one bad neighbour stops nobody', async (t) => {
    t.equal((await ask(service, {}, machine.basic)).status, 200)
  })

  await t.test('they are counted with the sign-ins of people', async (t) => {
    const login = await service
      .browser()
      .post('/auth/login', { email: 'a@example.com', password: 'x'.repeat(12) })
    t.equal(login.status, 429)
  })

  await t.test('a refused try is not written down: nobody fills the audit trail', async (t) => {
    const before = (await eventsOf(service)).length
    for (let n = 0; n < 20; n += 1) await ask(service, {}, basic(machine.id, 'wrong'))
    t.equal((await eventsOf(service)).length, before)
    t.ok(before <= LIMIT)
  })

  await t.test('another address is not concerned', async (t) => {
    const { statusCode } = await service.app.inject({
      method: 'POST',
      url: TOKEN,
      remoteAddress: '192.0.2.9',
      payload: 'grant_type=client_credentials',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...basic(machine.id, 'wrong') }
    })
    t.equal(statusCode, 401)
  })
})

t.test('every request counts against the limit of its address, whoever asks', async (t) => {
  const service = await build(t, { env: { AUTH_RATE_LIMIT_PER_IP: '3' } })
  const machine = await register(service)
  for (let n = 0; n < 3; n += 1) t.equal((await ask(service, {}, machine.basic)).status, 200)
  const refused = await ask(service, {}, machine.basic)
  t.equal(refused.status, 429)
  t.strictSame(refused.body, {
    error: 'temporarily_unavailable',
    error_description: 'Too many attempts: wait before you try again.'
  })
  t.match(refused.headers['retry-after'], /^([1-9]|[1-5]\d|60)$/)
})
