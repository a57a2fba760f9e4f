import { Writable } from 'node:stream'
import Fastify, { type FastifyServerOptions } from 'fastify'
import t from 'tap'
import guard, {
  type GuardOptions,
  type GuardPluginOptions,
  guardOptionsOf,
  isGuard
} from '../../verifier/fastify.ts'
import type { Teardown } from '../harness/build.ts'
import { freePort } from '../harness/port.ts'
import { faults, hang, type Impostor, impersonate, json, person } from './impostor.ts'
import { createKey, encode, eventually, type Json, UNFOLLOWED } from './tokens.ts'

/** A service of somebody else's before it has routes. */
async function service(
  t: Teardown,
  { issuer }: Pick<Impostor, 'issuer'>,
  options: Partial<GuardPluginOptions> = {},
  server: FastifyServerOptions = {}
) {
  const app = Fastify(server)
  t.teardown(() => app.close())
  await app.register(guard, { issuer, audience: issuer, ...UNFOLLOWED, ...options })
  return app
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** A log that a test can read. */
function logbook() {
  const lines: Json[] = []
  const stream = new Writable({
    write(line, _encoding, done) {
      lines.push(JSON.parse(String(line)))
      done()
    }
  })
  return { lines, logger: { level: 'info', stream } }
}

t.test('a guard tells its options, so that a service can describe its API', async (t) => {
  const app = await service(t, await impersonate(t))
  t.strictSame(guardOptionsOf(app.guard({ scope: 'orders:read' })), { scope: 'orders:read' })
  t.strictSame(guardOptionsOf(app.guard()), {})
  const other = async () => {}
  t.equal(guardOptionsOf(other), undefined)
  t.strictSame([isGuard(app.guard()), isGuard(other)], [true, false])
})

t.test('auth is null before a guard has run, and on routes without one', async (t) => {
  const impostor = await impersonate(t)
  const app = await service(t, impostor)
  const before: unknown[] = []
  app.addHook('onRequest', async ({ auth }) => {
    before.push(auth)
  })
  app.get('/open', async ({ auth }) => ({ auth }))
  app.get('/guarded', { preHandler: app.guard() }, async ({ auth }) => ({ subject: auth?.subject }))
  t.strictSame((await app.inject('/open')).json(), { auth: null })
  const headers = bearer(impostor.token())
  t.strictSame((await app.inject({ url: '/guarded', headers })).json(), { subject: 'ada' })
  t.strictSame((await app.inject({ url: '/open', headers })).json(), { auth: null })
  t.strictSame(before, [null, null, null])
})

t.test('a refusal carries the request’s id, whatever schema and serializer the route has', async (t) => {
  const impostor = await impersonate(t)
  const app = await service(t, impostor, {}, { genReqId: () => 'request-1' })
  const response = { 401: { type: 'object', properties: { nothing: { type: 'string' } } } }
  app.get('/guarded', { preHandler: app.guard(), schema: { response } }, async () => ({}))
  const refused = await app.inject('/guarded')
  t.equal(refused.statusCode, 401)
  t.strictSame(refused.json(), {
    type: 'urn:gatehouse:problem:unauthorized',
    title: 'Sign in to do this.',
    status: 401,
    code: 'unauthorized',
    requestId: 'request-1'
  })
  t.equal(refused.headers['content-type'], 'application/problem+json; charset=utf-8')
})

t.test('the log says what was wrong with a token, and not the token', async (t) => {
  const impostor = await impersonate(t)
  const { lines, logger } = logbook()
  const app = await service(t, impostor, {}, { logger })
  app.get('/guarded', { preHandler: app.guard() }, async () => ({}))
  for (const { token, reason } of faults(impostor)) {
    lines.length = 0
    const { body } = await app.inject({ url: '/guarded', headers: bearer(token) })
    const refused = lines.find(({ msg }) => msg === 'refused')
    t.match(refused, { level: 30, code: 'unauthorized', reason })
    t.notMatch(body, /expected|found|expired|signature/)
    for (const part of token.split('.')) t.notOk(JSON.stringify(lines).includes(part))
  }
})

t.test('the log says which requirement a caller does not meet, and whether a page may send it', async (t) => {
  const impostor = await impersonate(t)
  const { lines, logger } = logbook()
  const app = await service(t, impostor, {}, { logger })
  const preHandler = app.guard({ scope: 'orders:read', fresh: '10m' })
  app.post('/orders', { preHandler }, async () => ({}))
  const reasonOf = async (headers: Record<string, string>) => {
    lines.length = 0
    await app.inject({ method: 'POST', url: '/orders', headers })
    return lines.find(({ msg }) => msg === 'refused')?.reason
  }
  t.equal(await reasonOf(bearer(impostor.token())), 'expected scope orders:read, found none')
  const old = { scope: 'orders:read', auth_time: Math.floor(Date.now() / 1000) - 3600, jti: 'old' }
  t.match(
    await reasonOf(bearer(impostor.token(old))),
    /^expected a sign-in of the last 600 s, found one 360\d s ago$/
  )
  const foreign = { cookie: `access=${impostor.token()}`, origin: 'https://evil.example' }
  t.equal(
    await reasonOf(foreign),
    'expected this origin or one of allowedOrigins, found "https://evil.example"'
  )
  t.equal(await reasonOf({ authorization: 'Bearer' }), 'no token follows the Bearer scheme')
  t.equal(await reasonOf({}), undefined)
})

t.test('the log says why a caller was refused if the service answers itself', async (t) => {
  const impostor = await impersonate(t)
  const { lines, logger } = logbook()
  const onRefusal: GuardPluginOptions['onRefusal'] = (_refusal, _request, reply) =>
    void reply.code(418).send({})
  const app = await service(t, impostor, { onRefusal }, { logger })
  app.get('/guarded', { preHandler: app.guard() }, async () => ({}))
  await app.inject({ url: '/guarded', headers: bearer(impostor.token({ aud: 'other' })) })
  t.match(lines.find(({ msg }) => msg === 'refused')?.reason, /^expected audience .*, found other$/)
})

t.test('the log says who was refused, if their token was believed', async (t) => {
  const impostor = await impersonate(t)
  const { lines, logger } = logbook()
  const app = await service(t, impostor, {}, { logger })
  app.get('/buyers', { preHandler: app.guard({ roles: ['buyer'] }) }, async () => ({}))
  for (const token of [impostor.token(), impostor.token({ iss: 'https://evil.example' })])
    await app.inject({ url: '/buyers', headers: bearer(token) })
  const refused = lines.filter(({ msg }) => msg === 'refused')
  t.match(refused, [
    { code: 'forbidden', subject: 'ada' },
    { code: 'unauthorized', subject: undefined }
  ])
})

t.test('onRefusal answers instead, and what it throws goes to the error handler', async (t) => {
  const impostor = await impersonate(t)
  const polite = await service(t, impostor, {
    onRefusal: (refusal, request, reply) =>
      void reply.code(418).send({ why: refusal.code, path: request.url })
  })
  polite.get('/guarded', { preHandler: polite.guard() }, async () => 'never')
  const answer = await polite.inject('/guarded')
  t.strictSame([answer.statusCode, answer.json()], [418, { why: 'unauthorized', path: '/guarded' }])

  const throwing = await service(t, impostor, {
    onRefusal: (refusal) => {
      throw refusal
    }
  })
  throwing.setErrorHandler<Error & { code: string }>((error, _request, reply) =>
    reply.code(499).send({ name: error.name, code: error.code })
  )
  throwing.get('/guarded', { preHandler: throwing.guard() }, async () => 'never')
  for (const headers of [{}, bearer(createKey('unknown').sign(person(impostor.issuer)))]) {
    const thrown = await throwing.inject({ url: '/guarded', headers })
    t.strictSame([thrown.statusCode, thrown.json()], [499, { name: 'Refusal', code: 'unauthorized' }])
  }
})

t.test('what fails after the guard is the route’s own failure', async (t) => {
  const impostor = await impersonate(t)
  const app = await service(t, impostor)
  const preHandler = app.guard()
  const fail = () => {
    throw Object.assign(new Error('boom'), { statusCode: 507 })
  }
  app.get('/handler', { preHandler }, fail)
  app.get('/promise', { preHandler }, async () => fail())
  app.get('/hook', { preHandler: [preHandler, fail] }, async () => 'never')
  for (let round = 0; round < 2; round += 1) {
    for (const url of ['/handler', '/promise', '/hook']) {
      const headers = bearer(impostor.token({ jti: `${url}-${round}` }))
      const { statusCode, body } = await app.inject({ url, headers })
      t.strictSame([statusCode, JSON.parse(body).message], [507, 'boom'], url)
    }
  }
})

t.test('several guards on one route all hold, and each route has its own', async (t) => {
  const impostor = await impersonate(t)
  const app = await service(t, impostor)
  app.get('/both', { preHandler: [app.guard({ scope: 'a' }), app.guard({ scope: 'b' })] }, async () => 'in')
  app.get('/one', { preHandler: app.guard({ scope: 'a' }) }, async () => 'in')
  const status = async (url: string, scope: string) =>
    (await app.inject({ url, headers: bearer(impostor.token({ scope, jti: scope })) })).statusCode
  t.strictSame(await Promise.all(['a', 'b', 'a b'].map((scope) => status('/both', scope))), [403, 403, 200])
  t.strictSame(await Promise.all(['a', 'b', 'a b'].map((scope) => status('/one', scope))), [200, 403, 200])
})

t.test('a guard may hold for a whole group of routes', async (t) => {
  const impostor = await impersonate(t)
  const app = await service(t, impostor)
  app.register(async (inner) => {
    inner.addHook('preHandler', inner.guard({ roles: ['user'] }))
    inner.get('/inner', async ({ auth }) => auth?.subject)
  })
  app.get('/outer', async () => 'open')
  t.equal((await app.inject('/inner')).statusCode, 401)
  t.equal((await app.inject({ url: '/inner', headers: bearer(impostor.token()) })).body, 'ada')
  t.equal((await app.inject('/outer')).statusCode, 200)
})

t.test('two parts of one app may each trust a Gatehouse of their own', async (t) => {
  const [one, two] = [await impersonate(t), await impersonate(t)]
  const app = Fastify()
  t.teardown(() => app.close())
  for (const [path, { issuer }] of [
    ['/one', one],
    ['/two', two]
  ] as const) {
    app.register(async (inner) => {
      await inner.register(guard, { issuer, audience: issuer, ...UNFOLLOWED })
      inner.get(path, { preHandler: inner.guard() }, async ({ auth }) => auth?.claims.iss)
    })
  }
  const status = async (url: string, token: string) =>
    (await app.inject({ url, headers: bearer(token) })).statusCode
  t.strictSame([await status('/one', one.token()), await status('/two', two.token())], [200, 200])
  t.strictSame([await status('/one', two.token()), await status('/two', one.token())], [401, 401])
})

t.test('options that make no sense fail where they are given', async (t) => {
  const impostor = await impersonate(t)
  const app = await service(t, impostor)
  for (const fresh of ['soon', '', '10', 0, -1, Number.NaN, Number.POSITIVE_INFINITY])
    t.throws(() => app.guard({ fresh }), TypeError)
  const slips: unknown[] = [
    { role: 'admin' },
    { scopes: 'a:b' },
    { scope: '' },
    { scope: 'a  b' },
    { scope: undefined },
    { roles: [] },
    { roles: 'admin' },
    { roles: [''] },
    { roles: undefined },
    { anyRole: [] },
    { kind: 'person' },
    { from: 'cookies' },
    { optional: 'yes' },
    { constructor: 1 }
  ]
  for (const slip of slips) t.throws(() => app.guard(slip as GuardOptions), TypeError, JSON.stringify(slip))
  await t.rejects(service(t, { issuer: 'http://auth.example.com' }), TypeError)
  await t.rejects(service(t, impostor, { audience: '' }), TypeError)
})

t.test('it boots without Gatehouse, and says 503 until there is one', async (t) => {
  const issuer = `http://127.0.0.1:${await freePort()}`
  const { lines, logger } = logbook()
  const app = await service(t, { issuer }, { revocations: { token: 'x' }, onWarning: undefined }, { logger })
  app.get('/guarded', { preHandler: app.guard() }, async () => 'in')
  await app.ready()
  const token = createKey('good').sign(person(issuer))
  const { statusCode, headers } = await app.inject({ url: '/guarded', headers: bearer(token) })
  t.strictSame([statusCode, headers['retry-after']], [503, '1'])
  const warnings = lines.filter(({ level }) => level === 40)
  t.equal(warnings.length, 1, 'the log is told once')
  t.match(warnings[0], { msg: /^the revocation feed is lost: fetch failed/, err: { stack: /ECONNREFUSED/ } })
})

t.test('it boots beside a Gatehouse that is silent', { buffered: true }, async (t) => {
  const impostor = await impersonate(t)
  impostor.jwks = hang
  impostor.feed = hang
  const app = await service(t, impostor, { revocations: { token: 'x' }, onWarning: () => {} })
  await t.resolves(async () => app.ready())
})

t.test('closing the app stops the follower', async (t) => {
  const impostor = await impersonate(t)
  impostor.feed = json({ entries: [], cursor: 'x' })
  const app = await service(t, impostor, { revocations: { token: 'x' } })
  await eventually(() => impostor.bearers.length > 3)
  await app.close()
  const asked = impostor.bearers.length
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.equal(impostor.bearers.length, asked)
})

t.test('a token is read from a header alone, never from the address or the body', async (t) => {
  const impostor = await impersonate(t)
  const app = await service(t, impostor)
  app.post('/guarded', { preHandler: app.guard() }, async () => 'in')
  const payload = { access_token: impostor.token() }
  const url = `/guarded?access_token=${impostor.token()}`
  t.equal((await app.inject({ method: 'POST', url, payload })).statusCode, 401)
  const alg = encode({ alg: 'none' })
  t.equal(
    (await app.inject({ method: 'POST', url, payload, headers: bearer(`${alg}.e30.`) })).statusCode,
    401
  )
})
