import type { ServerResponse } from 'node:http'
import t from 'tap'
import createGuard, { type GuardedMessage } from '../../verifier/express.ts'
import { Refusal } from '../../verifier/index.ts'
import { faults, impersonate, json, person } from './impostor.ts'
import { answer, call, express, serve } from './services.ts'
import { createKey, eventually, UNFOLLOWED } from './tokens.ts'

const SILENT = { ...UNFOLLOWED, log: () => {} }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

t.test('onRefusal answers instead, or hands on', async (t) => {
  const impostor = await impersonate(t)
  const { issuer } = impostor
  const options = { issuer, audience: issuer, ...SILENT }
  const polite = createGuard({
    ...options,
    onRefusal: (refusal, request, response) =>
      void response.writeHead(418).end(JSON.stringify({ why: refusal.code, path: request.url }))
  })
  const handing = createGuard({
    ...options,
    onRefusal: (refusal, _request, _response, next) => next(refusal)
  })
  const throwing = createGuard({
    ...options,
    onRefusal: (refusal) => {
      throw refusal
    }
  })
  const app = express()
  app.all('/polite', polite(), answer)
  app.all('/handing', handing(), answer)
  app.all('/throwing', throwing(), answer)
  app.use((error, _request, response, _next) => {
    response
      .writeHead(499)
      .end(JSON.stringify({ isRefusal: error instanceof Refusal, message: error.message }))
  })
  const origin = await serve(t, app)
  const unknown = bearer(createKey('unknown').sign(person(issuer)))
  for (const headers of [{}, unknown]) {
    const told = await call(origin, '/polite', headers)
    t.strictSame([told.status, told.body], [418, { why: 'unauthorized', path: '/polite' }])
    for (const path of ['/handing', '/throwing']) {
      const { status, body } = await call(origin, path, headers)
      t.strictSame([status, body], [499, { isRefusal: true, message: 'Sign in to do this.' }], path)
    }
  }
})

t.test('the log says why a token was refused in one line, and not the token', async (t) => {
  const impostor = await impersonate(t)
  const { issuer } = impostor
  const lines: string[] = []
  const guard = createGuard({ issuer, audience: issuer, ...SILENT, log: (line) => lines.push(line) })
  const app = express()
  app.all('/guarded', guard(), answer)
  app.all('/buyers', guard({ roles: ['buyer'] }), answer)
  const origin = await serve(t, app)
  const prefix = '@gatehouse/verifier: 401 unauthorized: '
  for (const { token, reason } of faults(impostor)) {
    lines.length = 0
    const { body } = await call(origin, '/guarded', bearer(token))
    t.notMatch(JSON.stringify(body), /expected|found|expired|signature/)
    t.equal(lines.length, 1)
    const [line = ''] = lines
    t.ok(line.startsWith(prefix))
    t.match(line.slice(prefix.length), reason)
    for (const part of token.split('.')) t.notOk(line.includes(part))
  }
  lines.length = 0
  await call(origin, '/guarded')
  t.strictSame(lines, [], 'a call without a token causes no line')
  await call(origin, '/buyers', bearer(impostor.token()))
  t.strictSame(lines, ['@gatehouse/verifier: 403 forbidden to ada: expected roles buyer, found user'])
})

t.test('what fails after the guard is the route’s own failure, and told once', async (t) => {
  const impostor = await impersonate(t)
  const { issuer } = impostor
  const guard = createGuard({ issuer, audience: issuer, ...SILENT })
  const app = express()
  const failures: string[] = []
  app.all('/throws', guard(), () => {
    throw new Error('boom')
  })
  app.all('/rejects', guard(), async () => {
    throw new Error('boom')
  })
  app.all('/next', guard(), (_request, _response, next) => next(new Error('boom')))
  app.use((error, { url = '' }: GuardedMessage, response, _next) => {
    failures.push(url)
    response.writeHead(507).end(JSON.stringify({ message: error.message }))
  })
  const origin = await serve(t, app)
  const paths = ['/throws', '/rejects', '/next']
  for (const path of paths) {
    const { status, body } = await call(origin, path, bearer(impostor.token()))
    t.strictSame([status, body], [507, { message: 'boom' }], path)
  }
  t.strictSame(failures, paths)
})

t.test('two guards in one app trust a Gatehouse each', async (t) => {
  const [one, two] = [await impersonate(t), await impersonate(t)]
  const guards = [one, two].map(({ issuer }) => createGuard({ issuer, audience: issuer, ...SILENT }))
  const app = express()
  for (const [index, guard] of guards.entries()) app.all(`/${index}`, guard(), answer)
  const origin = await serve(t, app)
  const status = async (path: string, token: string) => (await call(origin, path, bearer(token))).status
  t.strictSame([await status('/0', one.token()), await status('/1', two.token())], [200, 200])
  t.strictSame([await status('/0', two.token()), await status('/1', one.token())], [401, 401])
})

t.test('a guard holds for everything below it, and leaves nothing of one request to another', async (t) => {
  const impostor = await impersonate(t)
  const { issuer } = impostor
  const guard = createGuard({ issuer, audience: issuer, ...SILENT })
  const app = express()
  app.use(guard({ optional: true }))
  app.all('/me', answer)
  app.all('/buyers', guard({ roles: ['buyer'] }), answer)
  const origin = await serve(t, app)
  t.match((await call(origin, '/me', bearer(impostor.token()))).body, { auth: { subject: 'ada' } })
  t.strictSame((await call(origin, '/me')).body, { auth: null })
  t.equal((await call(origin, '/buyers', bearer(impostor.token()))).status, 403)
  t.equal((await call(origin, '/buyers')).status, 401)
  t.equal((await call(origin, '/me', bearer('x'))).status, 401)
})

t.test('close stops the follower', async (t) => {
  const impostor = await impersonate(t)
  impostor.feed = json({ entries: [], cursor: 'x' })
  const { issuer } = impostor
  const guard = createGuard({ issuer, audience: issuer, revocations: { token: 'x' } })
  await eventually(() => impostor.bearers.length > 3)
  guard.close()
  const asked = impostor.bearers.length
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.equal(impostor.bearers.length, asked)
})

t.test('options that make no sense fail where they are given', async (t) => {
  t.throws(() => createGuard({ issuer: 'http://auth.example.com', audience: 'x', ...SILENT }), TypeError)
  t.throws(() => createGuard({ issuer: 'https://auth.example.com', audience: '', ...SILENT }), TypeError)
  const { issuer } = await impersonate(t)
  t.throws(() => createGuard({ issuer, audience: 'x', ...SILENT })({ fresh: 'soon' }), TypeError)
})

t.test('without a framework, what onRefusal throws is handed on, too, and ends nothing', async (t) => {
  const { issuer } = await impersonate(t)
  const guard = createGuard({
    issuer,
    audience: issuer,
    ...SILENT,
    onRefusal: () => {
      throw new Error('of the service’s own making')
    }
  })
  t.teardown(() => guard.close())
  const handedOn = new Promise((resolve) => {
    guard()({ method: 'GET', headers: {} } as GuardedMessage, {} as ServerResponse, resolve)
  })
  t.match(await handedOn, { message: 'of the service’s own making' })
})
