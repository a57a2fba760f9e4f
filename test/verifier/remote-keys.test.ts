import { createHmac, generateKeyPairSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { createRemoteKeys } from '../../verifier/remote-keys.ts'
import { ALGORITHMS } from '../../verifier/sources.ts'
import { createTokenVerifier } from '../../verifier/token-verifier.ts'
import { freePort } from '../harness/port.ts'
import { listen, verifierFor } from './gatehouse.ts'
import {
  type Handler,
  hang,
  hangUp,
  type Impostor,
  impersonate,
  json,
  person,
  redirect,
  text,
  trickle
} from './impostor.ts'
import { createKey, encode, eventually, outcomeOf, refusedAs } from './tokens.ts'

const COOLDOWN = 5000
const MAX_AGE = 60_000
const PARALLEL = 1000

// The tests that wait for a cooldown or a time-out do so side by side.
t.jobs = 8

/** A verifier whose keys grow old by a clock that the test moves; nothing is ever revoked. */
function verifierByUptime(impostor: Impostor) {
  let now = 0
  const url = new URL('/.well-known/jwks.json', impostor.issuer)
  const keys = createRemoteKeys({ url, algorithms: ALGORITHMS, uptime: () => now })
  const revocations = { statusOf: () => 'valid' as const, isKeyRevoked: () => false, isCurrent: () => true }
  const { issuer } = impostor
  const verifier = createTokenVerifier({ keys, revocations, issuer, audience: issuer, clock: Date.now })
  return {
    keys,
    outcome: (token: string) => outcomeOf(verifier.verify(token)),
    pass(milliseconds: number) {
      now += milliseconds
    }
  }
}

const bad: Record<string, Handler> = {
  '500': json({ keys: [] }, 500),
  '404': json({ keys: [] }, 404),
  '204': (_request, response) => response.writeHead(204).end(),
  'no JSON': text('<html>'),
  nothing: text(''),
  'a list': json([]),
  'no keys': json({}),
  'an empty set': json({ keys: [] }),
  'keys of another type': json({ keys: 'x' }),
  'keys that are none': json({ keys: [null] }),
  'a broken connection': hangUp
}

for (const [name, handler] of Object.entries(bad)) {
  t.test(`a JWKS that is ${name}: 503 without keys, and those known before go on to count`, async (t) => {
    const impostor = await impersonate(t)
    const { jwks: good } = impostor
    impostor.jwks = handler
    t.strictSame(await outcomeOf(verifierFor(t, impostor).verify(impostor.token())), refusedAs('unavailable'))

    impostor.jwks = good
    const { outcome, pass } = verifierByUptime(impostor)
    t.match(await outcome(impostor.token()), { auth: { subject: 'ada' } })
    impostor.jwks = handler
    pass(COOLDOWN)
    t.strictSame(await outcome(createKey('new').sign(person(impostor.issuer))), refusedAs('unavailable'))
    t.match(await outcome(impostor.token({ jti: 'another' })), { auth: { subject: 'ada' } })
    impostor.jwks = good
    pass(COOLDOWN)
    t.strictSame(await outcome(createKey('new').sign(person(impostor.issuer))), refusedAs('unauthorized'))
  })
}

t.test('a redirect is not followed', async (t) => {
  const [impostor, other] = [await impersonate(t), await impersonate(t)]
  impostor.jwks = redirect(`${other.issuer}/.well-known/jwks.json`)
  const token = other.key.sign(person(impostor.issuer))
  t.strictSame(await outcomeOf(verifierFor(t, impostor).verify(token)), refusedAs('unavailable'))
  t.strictSame(other.requests, [])
})

for (const [name, handler] of Object.entries({ 'is silent': hang, 'never ends': trickle })) {
  t.test(`a JWKS that ${name} is given up after 3 s`, { buffered: true }, async (t) => {
    const impostor = await impersonate(t)
    impostor.jwks = handler
    const startedAt = performance.now()
    const outcome = await outcomeOf(verifierFor(t, impostor).verify(impostor.token()))
    t.strictSame(outcome, refusedAs('unavailable'))
    const took = performance.now() - startedAt
    t.ok(took > 2900 && took < 5000, `${took} ms`)
  })
}

t.test('a great many keys that are none hide no good one', async (t) => {
  const impostor = await impersonate(t)
  const junk = Array.from({ length: 20_000 }, (_, n) => ({ kty: 'EC', kid: `junk-${n}`, x: 'x'.repeat(100) }))
  impostor.jwks = json({ keys: [...junk, impostor.key.jwk] })
  t.equal((await verifierFor(t, impostor).verify(impostor.token())).subject, 'ada')
})

t.test(
  'without Gatehouse at first it works as soon as there is one, without a restart',
  { buffered: true },
  async (t) => {
    const port = await freePort()
    const issuer = `http://127.0.0.1:${port}`
    const verifier = verifierFor(t, { issuer })
    const key = createKey('good')
    const token = key.sign(person(issuer))
    t.strictSame(await outcomeOf(verifier.verify(token)), refusedAs('unavailable'))
    const impostor = await impersonate(t, port)
    impostor.jwks = json({ keys: [key.jwk] })
    const took = await eventually(async () => 'auth' in (await outcomeOf(verifier.verify(token))))
    t.comment(`${Math.round(took)} ms after it was there`)
    t.equal(impostor.fetches(), 1)
  }
)

t.test(
  'a thousand tokens of unknown keys at once cause one fetch a cooldown',
  { buffered: true },
  async (t) => {
    const impostor = await impersonate(t)
    const verifier = verifierFor(t, impostor)
    await verifier.ready()
    const { key, issuer } = impostor
    const flood = () =>
      Promise.all(
        Array.from({ length: PARALLEL }, (_, n) =>
          outcomeOf(verifier.verify(key.sign(person(issuer), { kid: `unknown-${n}` })))
        )
      )
    const assertFlood = async (t: Test, fetches: number) => {
      for (const outcome of await flood())
        if (outcome.code !== 'unauthorized') t.fail(`was ${outcome.code ?? 'accepted'}`)
      t.equal(impostor.fetches(), fetches)
    }
    await assertFlood(t, 1)
    const unknown = key.sign(person(issuer), { kid: 'unknown' })
    await eventually(async () => {
      await outcomeOf(verifier.verify(unknown))
      return impostor.fetches() === 2
    })
    await assertFlood(t, 2)
    await new Promise((resolve) => setTimeout(resolve, COOLDOWN))
    const { jwks } = impostor
    // Slow enough that all of them ask while it is under way.
    impostor.jwks = (request, response) => setTimeout(jwks, 200, request, response)
    await assertFlood(t, 3)
  }
)

t.test('a key that is new is known after the cooldown, and no sooner asked for', async (t) => {
  const impostor = await impersonate(t)
  const { outcome, pass } = verifierByUptime(impostor)
  await outcome(impostor.token())
  const fresh = createKey('fresh')
  impostor.jwks = json({ keys: [impostor.key.jwk, fresh.jwk] })
  const token = fresh.sign(person(impostor.issuer))
  pass(COOLDOWN - 1)
  t.strictSame(await outcome(token), refusedAs('unauthorized'))
  t.equal(impostor.fetches(), 1)
  pass(1)
  t.match(await outcome(token), { auth: { subject: 'ada' } })
  t.equal(impostor.fetches(), 2)
})

t.test('a key that was withdrawn is missed within a minute, and its tokens with it', async (t) => {
  const impostor = await impersonate(t)
  const { outcome, pass, keys } = verifierByUptime(impostor)
  const [token, fresh] = [impostor.token(), createKey('fresh')]
  t.match(await outcome(token), { auth: { subject: 'ada' } })
  impostor.jwks = json({ keys: [fresh.jwk] })
  pass(MAX_AGE - 1)
  t.match(await outcome(token), { auth: { subject: 'ada' } })
  t.equal(impostor.fetches(), 1)
  pass(1)
  t.match(await outcome(token), { auth: { subject: 'ada' } }, 'nobody waits for it')
  await eventually(() => keys.find('fresh') !== undefined)
  t.strictSame(await outcome(token), refusedAs('unauthorized'), 'though it was accepted before')
  t.match(await outcome(fresh.sign(person(impostor.issuer))), { auth: { subject: 'ada' } })
})

t.test('known keys count on while the JWKS cannot be reached for long', async (t) => {
  const impostor = await impersonate(t)
  const { outcome, pass, keys } = verifierByUptime(impostor)
  await outcome(impostor.token())
  impostor.jwks = hangUp
  for (let minute = 0; minute < 5; minute += 1) {
    pass(MAX_AGE)
    t.match(await outcome(impostor.token({ jti: `token-${minute}` })), { auth: { subject: 'ada' } })
    await eventually(() => keys.find('good') !== undefined && impostor.fetches() === minute + 2)
  }
})

t.test('what else stands in a JWKS never makes a token count', async (t) => {
  const secret = 'a secret that everybody can read!'
  const oct = { kty: 'oct', k: encode(secret) }
  const [stranger, rsa, edwards] = [createKey('x'), createKey('x', 'RS256'), createKey('x', 'EdDSA')]
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' })
  const sealed = (alg: string) => (claims: unknown) => {
    const input = `${encode({ alg, typ: 'at+jwt', kid: 'x' })}.${encode(claims)}`
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
  }
  const cases: Array<[string, object, (claims: unknown) => string]> = [
    ['a shared secret', { ...oct, kid: 'x', alg: 'HS256' }, sealed('HS256')],
    ['a shared secret that says ES256', { ...oct, kid: 'x', alg: 'ES256' }, sealed('HS256')],
    ['a shared secret, the token says ES256', { ...oct, kid: 'x', alg: 'ES256' }, sealed('ES256')],
    ['a key to encrypt', { ...stranger.jwk, use: 'enc' }, stranger.sign],
    ['a key without alg', { ...stranger.jwk, alg: undefined }, stranger.sign],
    ['a key of an alg that nobody knows', { ...stranger.jwk, alg: 'none' }, stranger.sign],
    ['a key whose alg is a list', { ...stranger.jwk, alg: ['ES256'] }, stranger.sign],
    [
      'a key without kid',
      { ...stranger.jwk, kid: undefined },
      (claims) => stranger.sign(claims, { kid: '' })
    ],
    ['a kid that is a number', { ...stranger.jwk, kid: 1 }, (claims) => stranger.sign(claims, { kid: '1' })],
    ['an unknown kty', { ...stranger.jwk, kty: 'XX' }, stranger.sign],
    ['an RSA key that says ES256', { ...rsa.jwk, alg: 'ES256' }, rsa.sign],
    [
      'an RSA key that says ES256, and the token, too',
      { ...rsa.jwk, alg: 'ES256' },
      (claims) => rsa.sign(claims, { alg: 'ES256' })
    ],
    ['an RSA key that says EdDSA', { ...rsa.jwk, alg: 'EdDSA' }, rsa.sign],
    ['an EC key that says RS256', { ...stranger.jwk, alg: 'RS256' }, stranger.sign],
    ['an Ed25519 key that says ES256', { ...edwards.jwk, alg: 'ES256' }, edwards.sign],
    ['P-384 that says ES256', { ...p384, kid: 'x', alg: 'ES256' }, stranger.sign],
    ['a point that is not on the curve', { ...stranger.jwk, y: stranger.jwk.x }, stranger.sign]
  ]
  for (const [name, entry, sign] of cases) {
    await t.test(name, async (t) => {
      const impostor = await impersonate(t)
      const { issuer, key } = impostor
      impostor.jwks = json({ keys: [entry, key.jwk, entry] })
      const verifier = verifierFor(t, impostor)
      t.strictSame(await outcomeOf(verifier.verify(sign(person(issuer)))), refusedAs('unauthorized'))
      t.equal((await verifier.verify(impostor.token())).subject, 'ada', 'the good key beside it counts')
    })
  }
})

t.test('an entry of no use under a good key’s id does not take its place', async (t) => {
  const impostor = await impersonate(t)
  const { jwk, kid } = impostor.key
  impostor.jwks = json({
    keys: [jwk, { kty: 'oct', k: 'eA', kid, alg: 'ES256' }, { ...createKey(kid).jwk, use: 'enc' }]
  })
  t.equal((await verifierFor(t, impostor).verify(impostor.token())).subject, 'ada')
})

t.test('of two keys under one id never both count', async (t) => {
  const impostor = await impersonate(t)
  const twin = createKey(impostor.key.kid)
  impostor.jwks = json({ keys: [impostor.key.jwk, twin.jwk] })
  const verifier = verifierFor(t, impostor)
  const outcomes = [
    await outcomeOf(verifier.verify(impostor.token())),
    await outcomeOf(verifier.verify(twin.sign(person(impostor.issuer))))
  ]
  t.equal(outcomes.filter(({ auth }) => auth).length, 1)
})

t.test(
  'a key whose private half stands in the JWKS counts for nothing: everybody can sign by it',
  async (t) => {
    const impostor = await impersonate(t)
    const leaked = createKey('leaked')
    const jwk = { ...leaked.privateKey.export({ format: 'jwk' }), kid: 'leaked', alg: 'ES256', use: 'sig' }
    impostor.jwks = json({ keys: [impostor.key.jwk, jwk] })
    const token = leaked.sign(person(impostor.issuer))
    t.strictSame(await outcomeOf(verifierFor(t, impostor).verify(token)), refusedAs('unauthorized'))
  }
)

t.test('a token that was accepted counts no more once another key has its key’s id', async (t) => {
  const impostor = await impersonate(t)
  const { outcome, pass, keys } = verifierByUptime(impostor)
  const token = impostor.token()
  await outcome(token)
  impostor.jwks = json({ keys: [createKey(impostor.key.kid).jwk] })
  pass(COOLDOWN)
  await keys.refresh()
  t.strictSame(await outcome(token), refusedAs('unauthorized'))
})

t.test('a key whose alg was put right counts', async (t) => {
  const impostor = await impersonate(t)
  const { outcome, pass } = verifierByUptime(impostor)
  const rsa = createKey('rsa', 'RS256')
  const token = rsa.sign(person(impostor.issuer))
  impostor.jwks = json({ keys: [impostor.key.jwk, { ...rsa.jwk, alg: 'ES256' }] })
  t.strictSame(await outcome(token), refusedAs('unauthorized'))
  impostor.jwks = json({ keys: [rsa.jwk] })
  pass(COOLDOWN)
  await outcome(createKey('unknown').sign(person(impostor.issuer)))
  t.match(await outcome(token), { auth: { subject: 'ada' } })
})

t.test('after a rotation tokens of the new key count at once, and those before go on to', async (t) => {
  const gatehouse = await listen(t)
  const verifier = verifierFor(t, gatehouse)
  const root = await gatehouse.setUp()
  const before = root.value('access')
  t.equal((await verifier.verify(before)).kind, 'user')
  const rotated = await root.post('/admin/keys')
  t.equal(rotated.status, 200)
  gatehouse.clock.advance(1000)
  const ada = await gatehouse.signUp()
  const { active } = gatehouse.app.signingKeys.schedule()
  const token = ada.value('access')
  t.equal(JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid, active.kid)
  t.notOk(before.startsWith(token.split('.')[0] ?? ''), 'another key signs now')
  t.equal((await verifier.verify(token)).kind, 'user')
  t.equal((await verifier.verify(before)).kind, 'user')
})

t.test(
  'a key from outside that signs at once is known within the cooldown',
  { buffered: true },
  async (t) => {
    const gatehouse = await listen(t)
    const verifier = verifierFor(t, gatehouse)
    await verifier.ready()
    const pem = createKey('any').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const nobody = { actorId: null, ip: null, userAgent: null, requestId: null }
    await gatehouse.app.signingKeys.import(pem, nobody)
    const ada = await gatehouse.signUp()
    const took = await eventually(
      async () => 'auth' in (await outcomeOf(verifier.verify(ada.value('access'))))
    )
    t.ok(took < COOLDOWN + 1000, `${took} ms`)
  }
)
