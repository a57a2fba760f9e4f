import t from 'tap'
import { build } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'
import {
  answerOf,
  basic,
  claimsOf,
  NOT_WHO_IT_SAYS,
  oauthRefusal,
  post,
  register,
  tokenOf
} from '../../oauth/machine.ts'

const REVOKE = '/oauth/revoke'
const ADMIN = '/admin/keys'
const NO_TOKEN = oauthRefusal(400, 'invalid_request', 'token is missing.')
const NOT_ITS_OWN = oauthRefusal(400, 'unauthorized_client', 'The token was not issued to this client.')

for (const engine of engines) {
  t.test(`POST /oauth/revoke on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const { app, browser, clock } = service
    const machine = await register(service, { scope: ['keys:read'] })
    const stranger = await register(service)
    const ask = (fields: Record<string, string>, { basic } = machine) => post(service, REVOKE, fields, basic)
    const use = async (token: string) =>
      (await browser({}).get(ADMIN, { authorization: `Bearer ${token}` })).status
    const isActive = async (token: string) =>
      (await post(service, '/oauth/introspect', { token }, machine.basic)).body.active

    await t.test('ends a token of the client’s own at once, and no other', async (t) => {
      const [token, other] = [await tokenOf(service, machine), await tokenOf(service, machine)]
      t.equal(await use(token), 200)
      const { status, headers, cookies } = await ask({ token })
      t.equal(status, 200)
      t.equal(headers['cache-control'], 'no-store')
      t.strictSame(cookies, [])
      await app.revocations.poll()
      t.equal(await use(token), 401)
      t.equal(await isActive(token), false)
      t.equal(await use(other), 200)
      t.equal(
        (await post(service, '/oauth/token', { grant_type: 'client_credentials' }, machine.basic)).status,
        200
      )
    })

    await t.test(
      'is in the feed that verifiers follow, and in the audit trail without the token',
      async (t) => {
        const token = await tokenOf(service, machine)
        const { jti, sub } = claimsOf(token)
        await ask({ token })
        await app.revocations.poll()
        const feeder = await register(service, { scope: ['revocations:read'] })
        const bearer = { authorization: `Bearer ${await tokenOf(service, feeder)}` }
        const { body } = await browser({}).get('/oauth/revocations', bearer)
        const entry = body.entries.find(({ id }: { id: string }) => id === jti)
        t.strictSame(entry, { kind: 'jti', id: jti, expiresAt: new Date(clock() + 3_665_000).toISOString() })
        const [event] = await app.store.audit.list({ type: 'token.revoked', limit: 1 })
        t.match(event, { type: 'token.revoked', actorId: machine.id, detail: { jti, sub } })
        t.notMatch(JSON.stringify(event), token)
      }
    )

    await t.test('twice is as good as once', async (t) => {
      const token = await tokenOf(service, machine)
      const [first, second] = [await ask({ token }), await ask({ token })]
      t.strictSame(answerOf(first), answerOf(second))
      t.equal(second.status, 200)
      const token2 = await tokenOf(service, machine)
      const answers = await Promise.all(Array.from({ length: 10 }, () => ask({ token: token2 })))
      t.ok(answers.every(({ status }) => status === 200))
      await app.revocations.poll()
      t.equal(await use(token2), 401)
    })

    await t.test('an unknown token is 200 like a good one: it does not count afterwards', async (t) => {
      const good = answerOf(await ask({ token: await tokenOf(service, machine) }))
      for (const token of ['x', 'a.b.c', machine.secret, '💥\u0000', 'x'.repeat(8000)])
        t.strictSame(answerOf(await ask({ token })), good)
    })

    await t.test('an expired token is 200', async (t) => {
      const token = await tokenOf(service, machine)
      clock.advance(6 * 60_000)
      t.equal((await ask({ token })).status, 200)
    })

    await t.test('another’s token is refused, and lives on', async (t) => {
      const token = await tokenOf(service, machine)
      t.strictSame(answerOf(await ask({ token }, stranger)), NOT_ITS_OWN)
      const ada = await service.signUp()
      t.strictSame(answerOf(await ask({ token: ada.value('access') })), NOT_ITS_OWN)
      await app.revocations.poll()
      t.equal(await use(token), 200)
      t.equal((await ada.get('/auth/me')).status, 200)
    })

    await t.test('token_type_hint is a hint: whatever it says, the token is found', async (t) => {
      for (const token_type_hint of ['access_token', 'refresh_token', 'strange', '']) {
        const token = await tokenOf(service, machine)
        t.equal((await ask({ token, token_type_hint })).status, 200)
        await app.revocations.poll()
        t.equal(await isActive(token), false, token_type_hint)
      }
    })

    await t.test('a request without token is invalid_request', async (t) => {
      t.strictSame(answerOf(await ask({})), NO_TOKEN)
      t.strictSame(answerOf(await ask({ token: '' })), NO_TOKEN)
      t.strictSame(answerOf(await post(service, `${REVOKE}?token=x`, '', machine.basic)), NO_TOKEN)
    })

    await t.test('nobody revokes without being a client', async (t) => {
      const token = await tokenOf(service, machine)
      t.strictSame(answerOf(await post(service, REVOKE, { token }, basic(machine.id, 'x'))), NOT_WHO_IT_SAYS)
      t.equal((await post(service, REVOKE, { token })).status, 401)
      t.equal((await post(service, REVOKE, { token }, { authorization: `Bearer ${token}` })).status, 401)
      await app.revocations.poll()
      t.equal(await use(token), 200)
    })

    await t.test('is answered to a form alone, and to POST', async (t) => {
      const token = await tokenOf(service, machine)
      const json = await browser({}).post(REVOKE, { token }, machine.basic)
      t.equal(json.status, 400)
      t.equal(json.body.error, 'invalid_request')
      for (const method of ['GET', 'PUT', 'DELETE'] as const) {
        const answer = await browser({}).request(method, `${REVOKE}?token=${token}`, undefined, machine.basic)
        t.strictSame(refusalOf(answer), refusal(405, 'method_not_allowed'), method)
        t.equal(answer.headers.allow, 'POST')
      }
      await app.revocations.poll()
      t.equal(await use(token), 200)
    })
  })
}
