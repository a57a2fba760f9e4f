import { createHmac, createPublicKey, type JsonWebKey } from 'node:crypto'
import t, { type Test } from 'tap'
import { Refusal, type RefusalCode } from '../../verifier/refusal.ts'
import { type GuardedService, guardedServices, type Started } from '../harness/guards.ts'
import { Lateness } from '../harness/lateness.ts'
import { register } from '../oauth/machine.ts'
import { type ListeningGatehouse, listen } from '../verifier/gatehouse.ts'
import { type Handler, impersonate, json, person } from '../verifier/impostor.ts'
import { call } from '../verifier/services.ts'
import { claimsOf, createKey, encode, eventually, type Json } from '../verifier/tokens.ts'

const ALLOWED = 'https://app.example.com'
const HEADERS = ['content-type', 'cache-control', 'www-authenticate', 'retry-after']
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const cookie = (token: string, name = 'access') => ({ cookie: `${name}=${token}` })

type Reply = Awaited<ReturnType<typeof call>>

function isRefused(t: Test, { status, headers, body }: Reply, code: RefusalCode, why: string = code) {
  const refusal = new Refusal(code)
  const shown = Object.entries(headers).filter(([name]) => HEADERS.includes(name))
  t.strictSame(
    [status, Object.fromEntries(shown), body],
    [refusal.status, refusal.headers, refusal.body()],
    why
  )
}

/** The service in front of a Gatehouse. It has read the revocations once. */
async function guard(t: Test, service: GuardedService, gatehouse: ListeningGatehouse): Promise<Started> {
  const { id, secret } = await register(gatehouse, { name: 'orders', scope: ['revocations:read'] })
  const credentials = { CLIENT_ID: id, CLIENT_SECRET: secret, ALLOWED_ORIGINS: ALLOWED }
  const started = await service.start(t, { ...credentials, GATEHOUSE_ISSUER: gatehouse.issuer })
  await isReady(started.origin, gatehouse.sign(gatehouse.machine()))
  return started
}

async function isReady(origin: string, token: string): Promise<void> {
  await eventually(async () => (await call(origin, '/protected', bearer(token))).status !== 503)
}

t.jobs = guardedServices.length

for (const service of guardedServices) {
  const options = { skip: service.missing, buffered: true }

  t.test(`the guard for ${service.name} before a Gatehouse`, options, async (t) => {
    const gatehouse = await listen(t)
    const { sign, machine } = gatehouse
    const { origin, log } = await guard(t, service, gatehouse)
    const root = await gatehouse.setUp()
    const ada = await gatehouse.signUp()
    const token = () => ada.value('access')
    const now = () => Math.floor(Date.now() / 1000)

    await t.test('admits a good token, by header and by cookie', async (t) => {
      const expected = { logged_in_as: claimsOf(token()).sub }
      for (const headers of [
        bearer(token()),
        cookie(token()),
        { cookie: `a=b; access="x"; access=${token()}` }
      ]) {
        const { status, body } = await call(origin, '/protected', headers)
        t.strictSame([status, body], [200, expected])
      }
    })

    await t.test('refuses every other token with the same answer', async (t) => {
      const [header = '', payload = '', signature = ''] = token().split('.')
      const unsigned = `${encode({ ...decoded(header), alg: 'none' })}.${payload}`
      const symmetric = `${encode({ ...decoded(header), alg: 'HS256' })}.${payload}`
      const mac = createHmac('sha256', await publishedPem(gatehouse.issuer))
        .update(symmetric)
        .digest('base64url')
      const tokens: Record<string, string> = {
        'of another audience': sign(machine({ aud: 'https://other.example' })),
        'of another issuer': sign(machine({ iss: 'https://other.example' })),
        expired: sign(machine({ iat: now() - 300, exp: now() - 6 })),
        'not yet issued': sign(machine({ iat: now() + 70, exp: now() + 300 })),
        'not yet valid': sign(machine({ nbf: now() + 70 })),
        'that lives too long': sign(machine({ exp: now() + 4000 })),
        'that is no access token': sign(machine(), { typ: 'JWT' }),
        'with a critical header': sign(machine(), { crit: ['x'], x: 1 }),
        'without a key': sign(machine(), { kid: undefined }),
        'of an unknown key': createKey('unknown').sign(machine()),
        tampered: [header, encode({ ...claimsOf(token()), roles: ['admin'] }), signature].join('.'),
        'with alg none': `${unsigned}.`,
        'with alg HS256': `${symmetric}.${mac}`,
        'that is none': 'x'
      }
      for (const [why, each] of Object.entries(tokens))
        isRefused(t, await call(origin, '/protected', bearer(each)), 'unauthorized', why)
      const others: Array<Record<string, string>> = [
        {},
        { authorization: 'Bearer' },
        cookie(token(), '__Host-access')
      ]
      for (const headers of others) isRefused(t, await call(origin, '/protected', headers), 'unauthorized')
      t.match(log(), /refused: unauthorized: /, 'the log has the reasons')
      const parts = Object.values(tokens).flatMap((each) => each.split('.'))
      for (const part of parts.filter(({ length }) => length > 10)) t.notOk(log().includes(part))
    })

    await t.test('allows 5 s after the end of a token, and 60 s before its time', async (t) => {
      for (const times of [{ iat: now() - 300, exp: now() - 2 }, { iat: now() + 50 }, { nbf: now() + 50 }]) {
        const { status } = await call(
          origin,
          '/protected',
          bearer(sign(machine({ ...times, jti: 'skewed' })))
        )
        t.equal(status, 200, JSON.stringify(times))
      }
    })

    await t.test('asks for a role and for scopes', async (t) => {
      for (const path of ['/admin', '/orders'])
        isRefused(t, await call(origin, path, bearer(token())), 'forbidden')
      t.equal((await call(origin, '/admin', bearer(root.value('access')))).status, 200)
      t.equal((await call(origin, '/orders', bearer(sign(machine({ scope: 'a orders:read' }))))).status, 200)
    })

    await t.test(
      'takes an unsafe request with the cookie from its own and from allowed pages only',
      async (t) => {
        const grace = sign(machine({ scope: 'orders:read' }))
        const send = (headers: Record<string, string>) => call(origin, '/orders', headers, 'POST')
        const foreign: Array<Record<string, string>> = [
          {},
          { origin: 'https://evil.example' },
          { origin: 'null' },
          { 'sec-fetch-site': 'same-site' }
        ]
        for (const headers of foreign)
          isRefused(
            t,
            await send({ ...cookie(grace), ...headers }),
            'cross_site_request',
            JSON.stringify(headers)
          )
        const welcome: Array<Record<string, string>> = [
          { 'sec-fetch-site': 'same-origin' },
          { origin: ALLOWED }
        ]
        for (const headers of welcome) t.equal((await send({ ...cookie(grace), ...headers })).status, 200)
        t.equal((await send(bearer(grace))).status, 200)
      }
    )

    await t.test('refuses a token as stale after a role change, until it is refreshed', async (t) => {
      const { sub } = claimsOf(token())
      t.equal((await root.patch(`/admin/users/${sub}`, { roles: ['user', 'admin'] })).status, 200)
      await eventually(async () => (await call(origin, '/protected', bearer(token()))).status === 401)
      isRefused(t, await call(origin, '/protected', bearer(token())), 'token_stale')
      t.equal((await ada.post('/auth/refresh')).status, 200)
      t.equal((await call(origin, '/admin', bearer(token()))).status, 200)
    })

    await t.test('refuses a token within a second of the end of its session', async (t) => {
      const held = token()
      const lateness = new Lateness()
      t.equal((await ada.clone().post('/auth/logout')).status, 204)
      const took = await eventually(
        async () => (await call(origin, '/protected', bearer(held))).status === 401
      )
      t.ok(took < 1000 + lateness.stop(), `${Math.round(took)} ms`)
      isRefused(t, await call(origin, '/protected', bearer(held)), 'unauthorized')
    })

    await t.test('refuses every token if the feed was not read for ten seconds', async (t) => {
      await gatehouse.app.close()
      const lateness = new Lateness()
      const held = sign(machine())
      t.equal((await call(origin, '/protected', bearer(held))).status, 200)
      const took = await eventually(
        async () => (await call(origin, '/protected', bearer(held))).status === 503,
        20_000
      )
      t.ok(took > 5000 && took < 12_000 + lateness.stop(), `${Math.round(took)} ms`)
      isRefused(t, await call(origin, '/protected', bearer(held)), 'unavailable')
    })
  })

  t.test(`the guard for ${service.name} of an issuer with https`, options, async (t) => {
    const impostor = await impersonate(t)
    const keys = [createKey('ec'), createKey('ed', 'EdDSA'), createKey('rsa', 'RS256')] as const
    const [ec] = keys
    impostor.jwks = json({ keys: keys.map(({ jwk }) => jwk) })
    const entries: Json[] = []
    impostor.feed = feedOf(entries)
    const issuer = 'https://auth.example.com'
    const env = {
      GATEHOUSE_ISSUER: issuer,
      GATEHOUSE_URL: impostor.issuer,
      CLIENT_ID: 'a',
      CLIENT_SECRET: 'b'
    }
    const { origin } = await service.start(t, env)
    const token = (changes: Json = {}, key = ec) => key.sign(person(issuer, changes))
    await isReady(origin, token())
    const codeOf = async (each: string) => {
      const { status, body } = await call(origin, '/protected', bearer(each))
      return status === 200 ? 'admitted' : body.code
    }

    await t.test('accepts ES256, EdDSA and RS256', async (t) => {
      for (const key of keys) t.equal(await codeOf(token({}, key)), 'admitted', key.algorithm)
    })

    await t.test('reads the cookies that Gatehouse sets over https', async (t) => {
      const statusOf = async (name: string) =>
        (await call(origin, '/protected', cookie(token(), name))).status
      t.strictSame(
        await Promise.all(['__Host-access', '__Secure-access', 'access'].map(statusOf)),
        [200, 200, 401]
      )
    })

    await t.test('judges every kind of revocation', async (t) => {
      const expiresAt = new Date(Date.now() + 3_600_000).toISOString()
      const machine = {
        sid: undefined,
        roles: undefined,
        ver: undefined,
        auth_time: undefined,
        client_id: 'robot'
      }
      const actor = { sub: 'robot', jti: 'before', client_ver: 1 }
      const cases: Array<[entry: Json, ended: string, others: string[], code: string]> = [
        [{ kind: 'sid', id: 'left' }, token({ sid: 'left' }), [token()], 'unauthorized'],
        [{ kind: 'jti', id: 'one' }, token({ jti: 'one' }), [token()], 'unauthorized'],
        [{ kind: 'user', id: 'ada', minVersion: 2 }, token(), [token({ ver: 2 })], 'token_stale'],
        [
          { kind: 'client', id: 'robot', minVersion: 2 },
          token({ ...machine, client_ver: 1 }),
          [
            token({ ...machine, client_ver: 2 }),
            token({ ver: 2, act: { sub: 'x', act: { ...actor, client_ver: 2 } } })
          ],
          'unauthorized'
        ],
        [
          { kind: 'client', id: 'middle', minVersion: 3 },
          token({
            ver: 2,
            act: { sub: 'x', act: { ...actor, client_ver: 2, act: { sub: 'middle', client_ver: 2 } } }
          }),
          [token({ ver: 2 })],
          'unauthorized'
        ],
        [{ kind: 'kid', id: 'rsa' }, token({ ver: 2 }, keys[2]), [token({ ver: 2 })], 'token_stale'],
        [
          { kind: 'role', id: 'user', minVersion: 7 },
          token({ ver: 2 }),
          [token({ ver: 2, iat: Math.floor(Date.now() / 1000) + 50 })],
          'token_stale'
        ]
      ]
      for (const [entry, ended, others, code] of cases) {
        t.equal(await codeOf(ended), 'admitted', JSON.stringify(entry))
        entries.push({ ...entry, expiresAt })
        await eventually(async () => (await codeOf(ended)) !== 'admitted')
        t.equal(await codeOf(ended), code, JSON.stringify(entry))
        for (const other of others) t.equal(await codeOf(other), 'admitted', JSON.stringify(entry))
      }
    })
  })
}

/** A feed with all entries in each page, as a follower without a cursor gets it. */
function feedOf(entries: Json[]): Handler {
  return (request, response) =>
    request.url === '/oauth/token'
      ? json({ access_token: 'a-token', expires_in: 300 })(request, response)
      : json({ entries, cursor: 'x' })(request, response)
}

const decoded = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Json

/** Returns the published key as text. A guard that accepts HS256 would take it for the secret. */
async function publishedPem(issuer: string): Promise<string> {
  const answer = await fetch(`${issuer}/.well-known/jwks.json`)
  const { keys } = (await answer.json()) as { keys: JsonWebKey[] }
  const key = createPublicKey({ key: keys[0] ?? {}, format: 'jwk' })
  return key.export({ type: 'spki', format: 'pem' }).toString()
}
