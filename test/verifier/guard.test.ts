import t, { type Test } from 'tap'
import type { RefusalCode } from '../../verifier/index.ts'
import { refusals } from '../../verifier/refusal.ts'
import type { ServiceOptions } from '../../verifier/service.ts'
import { type ListeningGatehouse, listen } from './gatehouse.ts'
import { call, frameworks } from './services.ts'
import { claimsOf, eventually, type Json, UNFOLLOWED } from './tokens.ts'

const SHOP = 'https://shop.example.com'
const FRESH = 600_000

const routes = {
  '/any': {},
  '/optional': { optional: true },
  '/optional-buyer': { optional: true, roles: ['buyer'] },
  '/cookie': { from: 'cookie' as const },
  '/header': { from: 'header' as const },
  '/roles': { roles: ['user', 'buyer'] },
  '/any-role': { anyRole: ['buyer', 'seller'] },
  '/scope': { scope: 'orders:read orders:write' },
  '/fresh': { fresh: '10m' },
  '/fresh-ms': { fresh: FRESH },
  '/user': { kind: 'user' as const },
  '/service': { kind: 'service' as const }
}

type Reply = Awaited<ReturnType<typeof call>>
/** What a request is, and the subject that it is let in as, null for a stranger, or the refusal. */
type Case = [
  why: string,
  path: keyof typeof routes,
  headers: Record<string, string>,
  expected: { as: string | null } | RefusalCode,
  method?: string
]

/** All that a refusal tells, but for the request's id. */
function told({ status, headers, body }: Reply) {
  const { requestId: _, ...rest } = body ?? {}
  return {
    status,
    type: headers['content-type'],
    cache: headers['cache-control'],
    challenge: headers['www-authenticate'],
    retryAfter: headers['retry-after'],
    cookies: headers['set-cookie'],
    body: rest
  }
}

function refusal(code: RefusalCode) {
  const { status, title } = refusals[code]
  return {
    status,
    type: 'application/problem+json; charset=utf-8',
    cache: 'no-store',
    challenge: status === 401 ? 'Bearer' : undefined,
    retryAfter: status === 503 ? '1' : undefined,
    cookies: undefined,
    body: { type: `urn:gatehouse:problem:${code}`, title, status, code }
  }
}

async function assertCases(t: Test, origin: string, cases: Case[]) {
  for (const [why, path, headers, expected, method = 'GET'] of cases) {
    const reply = await call(origin, path, headers, method)
    const name = `${method} ${path}: ${why}`
    if (typeof expected === 'string') t.strictSame(told(reply), refusal(expected), name)
    else t.strictSame([reply.status, reply.body?.auth?.subject ?? null], [200, expected.as], name)
  }
}

const cookie = (token: string, name = 'access') => ({ cookie: `${name}=${token}` })
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** Somebody who signed up, and what Gatehouse's key signs of them. */
async function persona(gatehouse: ListeningGatehouse) {
  const claims = claimsOf((await gatehouse.signUp()).value('access'))
  return {
    as: { as: claims.sub as string },
    claims,
    token: (changes: Json = {}) => gatehouse.sign({ ...claims, ...changes })
  }
}

const gatehouse = await listen(t)
const { issuer, clock } = gatehouse
const { as, claims, token } = await persona(gatehouse)
const ada = token()
const follower = gatehouse.follower()
const robot = gatehouse.sign(gatehouse.machine())
const bad = ada.slice(0, -4) + (ada.endsWith('AAAA') ? 'BAAA' : 'AAAA')
const service = { issuer, audience: issuer, clock, allowedOrigins: [SHOP], ...UNFOLLOWED }

for (const [name, serve] of Object.entries(frameworks)) {
  t.test(`a service by ${name}`, async (t) => {
    const origin = await serve(t, service, routes)

    await t.test('whoever is let in is told to the route, whole', async (t) => {
      const auth = {
        subject: claims.sub,
        kind: 'user',
        roles: ['user'],
        scope: [],
        sessionId: claims.sid,
        claims
      }
      t.strictSame((await call(origin, '/any', bearer(ada))).body, { auth })
      t.strictSame((await call(origin, '/any', bearer(ada))).body, { auth }, 'the second time, too')
      t.strictSame((await call(origin, '/any', cookie(ada))).body, { auth })
      t.strictSame((await call(origin, '/optional')).body, { auth: null })
      t.match((await call(origin, '/any', bearer(robot))).body, { auth: { kind: 'service', sessionId: '' } })
    })

    await t.test('where the token comes from', (t) =>
      assertCases(t, origin, [
        ['nobody', '/any', {}, 'unauthorized'],
        ['a bearer token', '/any', bearer(ada), as],
        ['the scheme in other letters', '/any', { authorization: `bEARER ${ada}` }, as],
        ['a cookie', '/any', cookie(ada), as],
        ['among other cookies', '/any', { cookie: `a=b; access=${ada};c=d` }, as],
        ['quoted', '/any', { cookie: `access="${ada}"` }, as],
        ['the good one of two', '/any', { cookie: `access=${ada}; access=${bad}` }, as],
        ['the good one of two', '/any', { cookie: `access=${bad}; access=${ada}` }, as],
        ['the good one of three', '/any', { cookie: `access=; access=${robot}x; access=${ada}` }, as],
        ['two bad ones', '/any', { cookie: `access=${bad}; access=x` }, 'unauthorized'],
        ['a name with a no-break space', '/any', cookie(ada, '\u00a0access'), 'unauthorized'],
        ['a name with a vertical tab', '/any', cookie(ada, 'access\u00a0'), 'unauthorized'],
        ['blanks and tabs around', '/any', { cookie: `a=b; \taccess\t = ${ada} \t;c=d` }, as],
        ['the name of https', '/any', cookie(ada, '__Host-access'), 'unauthorized'],
        ['another cookie', '/any', cookie(ada, 'Access'), 'unauthorized'],
        ['an empty cookie', '/any', cookie(''), 'unauthorized'],
        ['a bad bearer', '/any', bearer(bad), 'unauthorized'],
        ['a bad cookie', '/any', cookie(bad), 'unauthorized'],
        ['a bad header beside a good cookie', '/any', { ...cookie(ada), ...bearer(bad) }, 'unauthorized'],
        ['a good header beside a bad cookie', '/any', { ...cookie(bad), ...bearer(ada) }, as],
        ['another scheme', '/any', { authorization: 'Basic YTpi' }, 'unauthorized'],
        ['another scheme beside a cookie', '/any', { ...cookie(ada), authorization: 'Basic YTpi' }, as],
        ['an empty header beside a cookie', '/any', { ...cookie(ada), authorization: '' }, as],
        ['a scheme like ours beside a cookie', '/any', { ...cookie(ada), authorization: `Bearer2 x` }, as],
        ['no token', '/any', { ...cookie(ada), authorization: 'Bearer ' }, 'unauthorized'],
        ['a tab before the token', '/any', { authorization: `Bearer\t${ada}` }, 'unauthorized'],
        ['two blanks before the token', '/any', { authorization: `Bearer  ${ada}` }, as],
        ['two tokens', '/any', { authorization: `Bearer ${ada}, Bearer ${ada}` }, 'unauthorized'],
        ['a cookie', '/cookie', cookie(ada), as],
        ['a header', '/cookie', bearer(ada), 'unauthorized'],
        ['both', '/cookie', { ...cookie(ada), ...bearer(ada) }, 'unauthorized'],
        ['a header', '/header', bearer(ada), as],
        ['a cookie', '/header', cookie(ada), 'unauthorized'],
        ['both', '/header', { ...cookie(ada), ...bearer(ada) }, as]
      ])
    )

    await t.test('a stranger is let in where that is optional, a bad token nowhere', (t) =>
      assertCases(t, origin, [
        ['nobody', '/optional', {}, { as: null }],
        ['somebody', '/optional', bearer(ada), as],
        ['a bad token', '/optional', bearer(bad), 'unauthorized'],
        ['a bad cookie', '/optional', cookie(bad), 'unauthorized'],
        ['a header of another scheme', '/optional', { authorization: 'x' }, { as: null }],
        ['nobody', '/optional-buyer', {}, { as: null }],
        ['who may not', '/optional-buyer', bearer(ada), 'forbidden'],
        ['who may', '/optional-buyer', bearer(token({ roles: ['buyer'] })), as]
      ])
    )

    await t.test('what a route asks for', (t) => {
      const buyer = bearer(token({ roles: ['user', 'buyer'], scope: 'orders:read orders:write' }))
      const reader = bearer(token({ roles: ['user', 'Buyer'], scope: 'orders:read orders' }))
      const now = Math.floor(clock() / 1000)
      const signedIn = (secondsAgo: number) => bearer(token({ auth_time: now - secondsAgo }))
      const robotAs = { as: 'robot' }
      return assertCases(t, origin, [
        ['all roles', '/roles', buyer, as],
        ['one of them', '/roles', reader, 'forbidden'],
        ['one role', '/any-role', buyer, as],
        ['none of them', '/any-role', reader, 'forbidden'],
        ['all scope', '/scope', buyer, as],
        ['some of it', '/scope', reader, 'forbidden'],
        ['a stranger is not told what it takes', '/scope', {}, 'unauthorized'],
        ['signed in 9 minutes ago', '/fresh', signedIn(590), as],
        ['signed in 11 minutes ago', '/fresh', signedIn(660), 'reauthentication_required'],
        ['signed in 9 minutes ago', '/fresh-ms', signedIn(590), as],
        ['signed in 11 minutes ago', '/fresh-ms', signedIn(660), 'reauthentication_required'],
        ['a machine does not sign in', '/fresh', bearer(robot), robotAs],
        ['a person', '/user', bearer(ada), as],
        ['a machine', '/user', bearer(robot), 'forbidden'],
        ['a person', '/service', bearer(ada), 'forbidden'],
        ['a machine', '/service', bearer(robot), robotAs]
      ])
    })

    await t.test('an unsafe request that rides on the cookie says that it comes from here', async (t) => {
      const from = (headers: Record<string, string>) => ({ ...cookie(ada), ...headers })
      const here = from({ 'sec-fetch-site': 'same-origin' })
      const there = from({ 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' })
      const cases: Case[] = [
        ['our own page', '/any', here, as],
        ['our own page', '/any', from({ 'sec-fetch-site': 'same-origin', origin }), as],
        ['an allowed origin', '/any', from({ origin: SHOP }), as],
        ['an allowed origin', '/any', from({ 'sec-fetch-site': 'cross-site', origin: SHOP }), as],
        ['another site', '/any', there, 'cross_site_request'],
        ['another site', '/any', from({ 'sec-fetch-site': 'cross-site' }), 'cross_site_request'],
        ['a neighbour', '/any', from({ 'sec-fetch-site': 'same-site' }), 'cross_site_request'],
        ['the address bar', '/any', from({ 'sec-fetch-site': 'none' }), 'cross_site_request'],
        ['like an allowed origin', '/any', from({ origin: `${SHOP}.evil.example` }), 'cross_site_request'],
        [
          'an allowed host over http',
          '/any',
          from({ origin: SHOP.replace('s:', ':') }),
          'cross_site_request'
        ],
        ['a sandbox', '/any', from({ origin: 'null' }), 'cross_site_request'],
        ['who does not say', '/any', cookie(ada), 'cross_site_request'],
        ['a bad token is not looked at', '/any', cookie(bad), 'cross_site_request'],
        ['where a stranger is let in', '/optional', there, 'cross_site_request'],
        ['a stranger', '/optional', { origin: 'https://evil.example' }, { as: null }],
        ['a bearer token', '/any', { ...bearer(ada), origin: 'https://evil.example' }, as],
        ['a bearer token', '/any', bearer(ada), as]
      ]
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
        await assertCases(
          t,
          origin,
          cases.map(([why, path, headers, expected]) => [why, path, headers, expected, method])
        )
      await assertCases(t, origin, [['a link', '/any', there, as, 'GET']])
      t.equal((await call(origin, '/any', there, 'HEAD')).status, 200)
      t.equal((await call(origin, '/any', cookie(bad), 'HEAD')).status, 401)
    })

    await t.test('hundreds at once are each themselves', async (t) => {
      const subjects = Array.from({ length: 300 }, (_, n) => `person-${n}`)
      const replies = await Promise.all(
        subjects.map((sub) => call(origin, '/any', bearer(token({ sub, jti: sub }))))
      )
      t.strictSame(
        replies.map(({ body }) => body.auth.subject),
        subjects
      )
    })

    await t.test('the cookie may have a name of its own', async (t) => {
      const named = await serve(t, { ...service, cookie: 'shop' }, routes)
      await assertCases(t, named, [
        ['that name', '/any', cookie(ada, 'shop'), as],
        ['the usual name', '/any', cookie(ada), 'unauthorized']
      ])
    })

    await t.test('behind https the cookie has the prefixes of Gatehouse’s, and no other name', async (t) => {
      const secure = await listen(t, { env: { AUTH_ISSUER: 'https://auth.example.com' } })
      const url = `http://127.0.0.1:${secure.port}`
      const options: ServiceOptions = { issuer: secure.issuer, audience: secure.issuer, url, ...UNFOLLOWED }
      const machine = (sub: string) => secure.sign(secure.machine({ sub }))
      const shop = await serve(t, { ...options, clock: secure.clock }, routes)
      const both = { cookie: `__Secure-access=${machine('two')}; __Host-access=${machine('one')}` }
      await assertCases(t, shop, [
        ['bound to its host', '/any', cookie(machine('one'), '__Host-access'), { as: 'one' }],
        ['shared with a domain', '/any', cookie(machine('two'), '__Secure-access'), { as: 'two' }],
        ['both', '/any', both, { as: 'one' }],
        ['without a prefix', '/any', cookie(machine('x')), 'unauthorized']
      ])
    })

    await t.test('while Gatehouse was never reached it is 503', async (t) => {
      const alone = { ...service, url: 'http://127.0.0.1:1' }
      const lost = await serve(t, alone, routes)
      await assertCases(t, lost, [
        ['a good token', '/any', bearer(ada), 'unavailable'],
        ['a good cookie', '/optional', cookie(ada), 'unavailable'],
        ['nobody', '/any', {}, 'unauthorized'],
        ['a stranger', '/optional', {}, { as: null }],
        ['what is no token', '/any', bearer('x'), 'unauthorized']
      ])
    })

    await t.test('what was revoked is refused by whoever follows', async (t) => {
      const following = await serve(t, { ...service, revocations: { token: follower } }, routes)
      const eve = await gatehouse.signUp(`eve-${name.replace(':', '-')}@example.com`)
      const bob = await gatehouse.signUp(`bob-${name.replace(':', '-')}@example.com`)
      const [evesToken, bobsToken] = [eve.value('access'), bob.value('access')]
      t.equal((await call(following, '/any', bearer(evesToken))).status, 200)
      await eve.post('/auth/logout')
      await bob.patch('/auth/me', { name: 'Robert' })
      for (const each of [evesToken, bobsToken])
        await eventually(async () => (await call(following, '/any', bearer(each))).status === 401, 1000)
      await assertCases(t, following, [
        ['signed out', '/any', bearer(evesToken), 'unauthorized'],
        ['signed out', '/optional', cookie(evesToken), 'unauthorized'],
        ['renamed', '/any', bearer(bobsToken), 'token_stale']
      ])
    })
  })
}
