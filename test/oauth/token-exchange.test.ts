import t, { type Test } from 'tap'
import { operator } from '../../commands/operator.ts'
import type { NewClient } from '../../domain/clients/administration.ts'
import { MINUTE } from '../../domain/clock.ts'
import type { Browser } from '../harness/browser.ts'
import { build, password, type TestApp } from '../harness/build.ts'
import { refusal, refusalOf } from '../harness/refusal.ts'
import { hire, signIn } from '../routes/admin/people.ts'
import {
  answerOf,
  claimsOf,
  headerOf,
  JSON_TYPE,
  type Machine,
  oauthRefusal,
  post,
  register as registerMachine,
  tokenOf
} from './machine.ts'

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
const OTHER_TYPES = ['jwt', 'id_token', 'refresh_token', 'saml2'].map(
  (name) => `urn:ietf:params:oauth:token-type:${name}`
)
const ORDERS = 'https://orders.example.com'
const GATEHOUSE = 'http://localhost:3000'

const NOT_ACCESS_TOKENS = oauthRefusal(
  400,
  'invalid_request',
  'Access tokens are exchanged for access tokens.'
)
const NOT_VALID = oauthRefusal(400, 'invalid_request', 'The subject token is not valid.')
const NOT_FOR_IT = oauthRefusal(400, 'invalid_request', 'The subject token is not meant for this client.')
const NOT_A_PERSON = oauthRefusal(400, 'invalid_request', 'The subject token is not that of a person.')
const NO_ACTOR = oauthRefusal(400, 'invalid_request', 'The client itself acts: no actor_token is taken.')
const FORBIDDEN = refusal(403, 'forbidden')
const TOO_MUCH = oauthRefusal(400, 'invalid_scope', 'The client may not have this scope.')
const OTHER_TARGET = oauthRefusal(400, 'invalid_target', 'The client may not have tokens for this resource.')

/** A service with an administrator, and with a clerk who may read and write orders and read keys. */
async function staffed(t: Test) {
  const service = await build(t)
  const root = await service.setUp()
  const scope = 'keys:read orders:read orders:write'
  await root.post('/admin/roles', { name: 'clerk', scope })
  const id = await hire(root, 'clerk@example.com', ['clerk'])
  return { service, root, clerk: { id, window: await signIn(service, 'clerk@example.com') } }
}

/** A machine client that may exchange tokens, too. */
const register = (service: TestApp, input: Partial<NewClient> = {}) =>
  registerMachine(service, { grants: ['client_credentials', GRANT], ...input })

function exchange(
  service: TestApp,
  { basic }: Machine,
  subject_token: string,
  more: Record<string, string> = {}
) {
  const fields = { grant_type: GRANT, subject_token, subject_token_type: ACCESS_TOKEN, ...more }
  return post(service, '/oauth/token', fields, basic)
}

/** The exchanged token. Throws an Error where it is refused. */
async function exchanged(...request: Parameters<typeof exchange>): Promise<string> {
  const { status, body, text } = await exchange(...request)
  if (status !== 200) throw new Error(`not exchanged: ${text}`)
  return body.access_token
}

const tokenIn = (window: Browser) => window.value('access')

/** Answers 204 to a token that counts and has this scope. */
const CHECK = '/auth/check?scope=keys:read'

const bearing =
  ({ browser }: TestApp, token: string) =>
  (url: string) =>
    browser({}).get(url, { authorization: `Bearer ${token}` })

t.test('token exchange', async (t) => {
  const { service, root, clerk } = await staffed(t)
  const { app, clock } = service
  const scope = ['orders:read', 'keys:read', 'stock:read']
  const shop = await register(service, { scope })

  async function later(milliseconds: number) {
    clock.advance(milliseconds)
    for (const window of [root, clerk.window]) await window.post('/auth/refresh')
    await root.post('/auth/reauthenticate', { password })
  }

  await t.test('answers with a token, its type, its life and its scope, and nothing else', async (t) => {
    const { body, ...answer } = answerOf(await exchange(service, shop, tokenIn(clerk.window)))
    const { access_token, ...rest } = body
    t.strictSame(answer, {
      status: 200,
      type: JSON_TYPE,
      cache: 'no-store',
      authenticate: undefined,
      cookies: []
    })
    t.strictSame(rest, {
      token_type: 'Bearer',
      expires_in: 300,
      scope: 'orders:read keys:read',
      issued_token_type: ACCESS_TOKEN
    })
    t.match(headerOf(access_token), { alg: 'ES256', typ: 'at+jwt' })
  })

  await t.test('the token says for whom the client acts, and carries no role', async (t) => {
    const subject = claimsOf(tokenIn(clerk.window))
    const { jti, ...claims } = claimsOf(await exchanged(service, shop, tokenIn(clerk.window)))
    const iat = Math.floor(clock() / 1000)
    t.strictSame(claims, {
      iss: GATEHOUSE,
      aud: GATEHOUSE,
      sub: clerk.id,
      iat,
      exp: iat + 300,
      scope: 'orders:read keys:read',
      client_id: shop.id,
      client_ver: 1,
      sid: subject.sid,
      ver: subject.ver,
      auth_time: subject.auth_time,
      roles: [],
      act: { sub: shop.id }
    })
    t.not(jti, subject.jti)
  })

  await t.test('the token allows what both may do, and less where less is asked for', async (t) => {
    const scopeOf = async (machine: Machine, more: Record<string, string> = {}) =>
      claimsOf(await exchanged(service, machine, tokenIn(clerk.window), more)).scope
    t.equal(await scopeOf(shop), 'orders:read keys:read')
    t.equal(await scopeOf(shop, { scope: 'orders:read' }), 'orders:read')
    const nothing = await register(service, { scope: ['stock:read'] })
    t.equal(await scopeOf(nothing), '', 'nothing in common')
    const mighty = await register(service, { scope: ['users:write', 'orders:write'] })
    t.equal(await scopeOf(mighty), 'orders:write', 'the person lacks it')
  })

  await t.test('a scope that one of the two may not have is invalid_scope', async (t) => {
    for (const scope of ['orders:write', 'stock:read', 'orders:read stock:read', 'users:read']) {
      const answer = await exchange(service, shop, tokenIn(clerk.window), { scope })
      t.strictSame(answerOf(answer), TOO_MUCH, scope)
    }
  })

  await t.test(
    'the token is for the resource that was asked for, within the client’s audiences',
    async (t) => {
      const stock = 'https://stock.example.com'
      const abroad = await register(service, { scope, audiences: [ORDERS, GATEHOUSE, stock] })
      const first = await exchanged(service, abroad, tokenIn(clerk.window))
      t.equal(claimsOf(first).aud, ORDERS)
      const second = await exchanged(service, abroad, tokenIn(clerk.window), { resource: stock })
      t.equal(claimsOf(second).aud, stock)
      const other = { resource: 'https://else.example.com' }
      t.strictSame(answerOf(await exchange(service, abroad, tokenIn(clerk.window), other)), OTHER_TARGET)
      t.equal((await bearing(service, first)(CHECK)).status, 401, 'it is not for us')
    }
  )
  await t.test('an audience that the client may not have is invalid_target', async (t) => {
    const answer = await exchange(service, shop, tokenIn(clerk.window), { audience: ORDERS })
    t.strictSame(answerOf(answer), OTHER_TARGET)
  })

  await t.test('audience names the service as resource does, and both name the same', async (t) => {
    const stock = 'https://stock.example.com'
    const abroad = await register(service, { scope, audiences: [ORDERS, stock, GATEHOUSE] })
    const subject = tokenIn(clerk.window)
    for (const more of [{ audience: stock }, { audience: stock, resource: stock }] as Record<
      string,
      string
    >[])
      t.equal(claimsOf(await exchanged(service, abroad, subject, more)).aud, stock)
    const differing = await exchange(service, abroad, subject, { audience: stock, resource: ORDERS })
    t.strictSame(answerOf(differing), oauthRefusal(400, 'invalid_target', 'A token is for one service.'))
  })

  await t.test('the token ends no later than the one that it was exchanged for', async (t) => {
    const subject = tokenIn(clerk.window)
    clock.advance(4 * MINUTE)
    const { status, body } = await exchange(service, shop, subject)
    t.equal(status, 200)
    t.equal(body.expires_in, 60)
    t.equal(claimsOf(body.access_token).exp, claimsOf(subject).exp)
    t.equal((await bearing(service, body.access_token)(CHECK)).status, 204)
    await later(MINUTE + 6000)
    t.equal((await bearing(service, body.access_token)(CHECK)).status, 401)
  })
  await t.test('expires_in is never below zero', async (t) => {
    const subject = tokenIn(clerk.window)
    await later(5 * MINUTE + 3000)
    const { status, body } = await exchange(service, shop, subject)
    t.ok(status === 400 || body.expires_in >= 0, `${status} ${body.expires_in}`)
  })

  await t.test('a second hop keeps the first: who acts now, and who acted before', async (t) => {
    const billing = await register(service, { scope: ['orders:read'] })
    const first = await exchanged(service, shop, tokenIn(clerk.window))
    const second = claimsOf(await exchanged(service, billing, first))
    const before = { sub: shop.id, client_ver: 1, jti: claimsOf(first).jti }
    t.strictSame(second.act, { sub: billing.id, act: before })
    t.match(second, { sub: clerk.id, client_id: billing.id, scope: 'orders:read', roles: [] })
    const widened = await exchange(service, billing, first, { scope: 'orders:write' })
    t.strictSame(answerOf(widened), TOO_MUCH, 'a hop gives nothing back')
  })

  t.test('the token is good for what both may do', async (t) => {
    const rootToken = () => exchanged(service, shop, tokenIn(root))

    await t.test('where a scope is asked for, within that scope alone', async (t) => {
      const ask = bearing(service, await rootToken())
      t.equal((await ask(CHECK)).status, 204)
      for (const scope of ['users:read', 'roles:read', 'audit:read', 'clients:read'])
        t.strictSame(refusalOf(await ask(`/auth/check?scope=${scope}`)), FORBIDDEN, scope)
    })

    await t.test(
      'also at Gatehouse’s own administration, where the person’s own bearer is not',
      async (t) => {
        const ask = bearing(service, await rootToken())
        t.equal((await ask('/admin/keys')).status, 200)
        for (const path of ['/admin/users', '/admin/roles', '/admin/audit', '/admin/clients'])
          t.strictSame(refusalOf(await ask(path)), FORBIDDEN, path)
      }
    )

    await t.test('never for the person’s own account', async (t) => {
      const token = await rootToken()
      const calls: Array<[Parameters<Browser['request']>[0], string, object?]> = [
        ['GET', '/auth/me'],
        ['PATCH', '/auth/me', { name: 'Somebody' }],
        ['DELETE', '/auth/me'],
        ['GET', '/auth/sessions'],
        ['PUT', '/auth/password', { currentPassword: password, newPassword: `${password}!` }],
        ['POST', '/auth/reauthenticate', { password }]
      ]
      for (const [method, path, body] of calls) {
        const answer = await service
          .browser({})
          .request(method, path, body, { authorization: `Bearer ${token}` })
        t.strictSame(refusalOf(answer), FORBIDDEN, `${method} ${path}`)
      }
      const window = service.browser()
      window.cookies.set('access', { value: token, path: '/' })
      t.equal((await window.get('/auth/me')).status, 401, 'as a cookie')
    })

    await t.test('never to sign the person out, or for their CSRF token', async (t) => {
      const token = await exchanged(service, shop, tokenIn(clerk.window))
      t.strictSame(refusalOf(await bearing(service, token)('/auth/csrf')), refusal(401, 'unauthorized'))
      for (const path of ['/auth/logout', '/auth/logout-all']) {
        await service.browser({}).post(path, undefined, { authorization: `Bearer ${token}` })
        const window = service.browser()
        window.cookies.set('access', { value: token, path: '/' })
        await window.post(path)
      }
      await app.revocations.poll()
      t.equal((await clerk.window.get('/auth/me')).status, 200)
    })
  })

  t.test('is refused', async (t) => {
    const refuses = async (t: Test, how: string, subject: string, expected: object) =>
      t.strictSame(answerOf(await exchange(service, shop, subject)), expected, how)

    await t.test('for a machine’s token', async (t) => {
      await refuses(t, 'another’s', await tokenOf(service, await register(service)), NOT_A_PERSON)
      await refuses(t, 'its own', await tokenOf(service, shop), NOT_A_PERSON)
    })

    await t.test('for a token that is rubbish, expired, revoked, stale or of another issuer', async (t) => {
      const elsewhere = await build(t)
      await refuses(t, 'rubbish', 'x', NOT_VALID)
      await refuses(t, 'foreign', tokenIn(await elsewhere.signUp()), NOT_VALID)
      await refuses(t, 'a refresh token', clerk.window.value('refresh'), NOT_VALID)
      const eve = await service.signUp('eve@example.com')
      const token = tokenIn(eve)
      await eve.post('/auth/logout')
      await app.revocations.poll()
      await refuses(t, 'revoked', token, NOT_VALID)
      const bob = await service.signUp('bob@example.com')
      const changed = await root.patch(`/admin/users/${claimsOf(tokenIn(bob)).sub}`, { roles: ['clerk'] })
      t.equal(changed.status, 200)
      await app.revocations.poll()
      await refuses(t, 'stale', tokenIn(bob), NOT_VALID)
      const late = await service.signUp('late@example.com')
      await later(5 * MINUTE + 6000)
      await refuses(t, 'expired', tokenIn(late), NOT_VALID)
    })

    await t.test('for a token that is meant for another service (F10)', async (t) => {
      const elsewhere = await register(service, { scope, audiences: ['https://b.example.com'] })
      const subject = tokenIn(clerk.window)
      t.strictSame(answerOf(await exchange(service, elsewhere, subject)), NOT_FOR_IT)
      const abroad = await register(service, { scope, audiences: [ORDERS, GATEHOUSE] })
      const forOrders = await exchanged(service, abroad, subject)
      t.strictSame(answerOf(await exchange(service, shop, forOrders)), NOT_FOR_IT)
    })

    await t.test('without a subject token, or its type', async (t) => {
      const subject_token = tokenIn(clerk.window)
      const incomplete: Record<string, string>[] = [
        {},
        { subject_token },
        { subject_token_type: ACCESS_TOKEN },
        { subject_token, subject_token_type: '' }
      ]
      for (const fields of incomplete) {
        const answer = await post(service, '/oauth/token', { grant_type: GRANT, ...fields }, shop.basic)
        t.strictSame(answerOf(answer), NOT_ACCESS_TOKENS)
      }
    })

    await t.test('for other types of token, shown or wanted', async (t) => {
      for (const type of [...OTHER_TYPES, 'access_token', 'x']) {
        const more: Record<string, string>[] = [{ subject_token_type: type }, { requested_token_type: type }]
        for (const fields of more) {
          const answer = await exchange(service, shop, tokenIn(clerk.window), fields)
          t.strictSame(answerOf(answer), NOT_ACCESS_TOKENS, type)
        }
      }
      const wanted = { requested_token_type: ACCESS_TOKEN }
      t.equal((await exchange(service, shop, tokenIn(clerk.window), wanted)).status, 200)
    })

    await t.test('with an actor token, or its type: the client itself acts', async (t) => {
      const actor = { actor_token: await tokenOf(service, shop), actor_token_type: ACCESS_TOKEN }
      const { actor_token, actor_token_type } = actor
      for (const more of [actor, { actor_token }, { actor_token_type }] as Record<string, string>[]) {
        const answer = await exchange(service, shop, tokenIn(clerk.window), more)
        t.strictSame(answerOf(answer), NO_ACTOR)
      }
    })

    await t.test('to whoever is no client', async (t) => {
      const fields = {
        grant_type: GRANT,
        subject_token: tokenIn(clerk.window),
        subject_token_type: ACCESS_TOKEN
      }
      t.equal((await post(service, '/oauth/token', fields)).status, 401)
    })
  })
})

t.test('an exchanged token ends', async (t) => {
  const { service, root, clerk } = await staffed(t)
  const { app } = service
  const GONE = refusal(401, 'unauthorized')
  const STALE = refusal(401, 'token_stale')

  /** Whether somebody’s exchanged token counts; and what it is answered after this. */
  async function after(t: Test, window: Browser, change: (shop: Machine) => Promise<unknown>) {
    const shop = await register(service, { scope: ['keys:read'] })
    const ask = bearing(service, await exchanged(service, shop, tokenIn(window)))
    t.equal((await ask(CHECK)).status, 204)
    await change(shop)
    await app.revocations.poll()
    return refusalOf(await ask(CHECK))
  }

  await t.test('when the person signs out', async (t) => {
    const window = await signIn(service, 'clerk@example.com')
    t.strictSame(await after(t, window, () => window.post('/auth/logout')), GONE)
  })

  await t.test('when the person’s roles change: token_stale', async (t) => {
    const change = async () =>
      t.equal((await root.patch(`/admin/users/${clerk.id}`, { roles: ['clerk', 'admin'] })).status, 200)
    t.strictSame(await after(t, clerk.window, change), STALE)
  })

  await t.test('when the acting client is disabled', async (t) => {
    const window = await signIn(service, 'clerk@example.com')
    const change = ({ id }: Machine) => app.clients.change(id, { disabled: true }, operator)
    t.strictSame(await after(t, window, change), GONE)
  })

  await t.test('when the acting client may do less', async (t) => {
    const window = await signIn(service, 'clerk@example.com')
    const change = ({ id }: Machine) => app.clients.change(id, { scope: [] }, operator)
    t.strictSame(await after(t, window, change), GONE)
  })

  await t.test('when the client gives it back; the person’s own lives on', async (t) => {
    const window = await signIn(service, 'clerk@example.com')
    const shop = await register(service, { scope: ['keys:read'] })
    const token = await exchanged(service, shop, tokenIn(window))
    t.equal((await post(service, '/oauth/revoke', { token }, shop.basic)).status, 200)
    await app.revocations.poll()
    t.strictSame(refusalOf(await bearing(service, token)(CHECK)), GONE)
    t.equal((await window.get('/auth/me')).status, 200)
  })

  t.test('with every client that acted before (F10)', async (t) => {
    const watcher = await registerMachine(service, { scope: ['tokens:introspect'] })
    const isActive = async (token: string) =>
      (await post(service, '/oauth/introspect', { token }, watcher.basic)).body.active
    const ends: Array<[string, (first: Machine, token: string) => Promise<unknown>]> = [
      ['that is disabled', ({ id }) => app.clients.change(id, { disabled: true }, operator)],
      ['that may do less', ({ id }) => app.clients.change(id, { scope: [] }, operator)],
      ['that may not exchange any more', ({ id }) => app.clients.change(id, { grants: [] }, operator)],
      ['that is deleted', ({ id }) => app.clients.delete(id, operator)],
      ['that revokes what it had', ({ basic }, token) => post(service, '/oauth/revoke', { token }, basic)]
    ]
    for (const [how, end] of ends)
      await t.test(how, async (t) => {
        const window = await signIn(service, 'clerk@example.com')
        const machines = [await register(service), await register(service), await register(service)]
        const tokens = [tokenIn(window)]
        for (const machine of machines)
          tokens.push(await exchanged(service, machine, tokens.at(-1) as string))
        const [own = '', first = '', second = '', third = ''] = tokens
        for (const token of tokens) t.equal(await isActive(token), true)
        await end(machines[0] as Machine, first)
        await app.revocations.poll()
        for (const token of [first, second, third]) t.equal(await isActive(token), false)
        t.equal(await isActive(own), true, 'the person’s own lives on')
        t.match(await exchange(service, machines[1] as Machine, first), { status: 400 })
      })
  })

  await t.test('when the person is disabled', async (t) => {
    const window = await signIn(service, 'clerk@example.com')
    const change = async () =>
      t.equal((await root.patch(`/admin/users/${clerk.id}`, { disabled: true })).status, 200)
    const { status } = await after(t, window, change)
    t.equal(status, 401)
  })
})
