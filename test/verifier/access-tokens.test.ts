import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { createVerifier, type VerifierOptions } from '../../verifier/index.ts'
import { listen, verifierFor } from './gatehouse.ts'
import { impersonate, json, person } from './impostor.ts'
import { claimsOf, createKey, encode, type Json, outcomeOf, refusedAs, UNFOLLOWED } from './tokens.ts'

t.test('a service’s verifier for a listening Gatehouse', async (t) => {
  const gatehouse = await listen(t)
  const { app, clock, issuer, sign, machine } = gatehouse
  const verifier = verifierFor(t, gatehouse)
  const ada = await gatehouse.signUp()
  const genuine = ada.value('access')
  const claims = claimsOf(genuine)
  const [headerPart, payloadPart, signaturePart] = genuine.split('.') as [string, string, string]
  const { active } = app.signingKeys.schedule()
  const signed = (changes: Json, header: Json = {}) => sign({ ...claims, ...changes }, header)

  async function refuses(t: Test, token: string, why: string) {
    t.strictSame(await outcomeOf(verifier.verify(token)), refusedAs('unauthorized'), why)
  }
  async function accepts(t: Test, token: string, why: string) {
    t.equal((await verifier.verify(token)).subject, claims.sub, why)
  }

  await t.test('a person’s token says who they are', async (t) => {
    const auth = {
      subject: claims.sub,
      kind: 'user',
      roles: ['user'],
      scope: [],
      sessionId: claims.sid,
      claims
    }
    t.strictSame(await verifier.verify(genuine), auth)
    t.strictSame(verifier.verifyNow(genuine), auth, 'and at once the next time')
    t.strictSame(await verifier.verify(signed({ scope: 'a:b c:d', roles: ['x', 'y'] })), {
      ...auth,
      scope: ['a:b', 'c:d'],
      roles: ['x', 'y'],
      claims: { ...claims, scope: 'a:b c:d', roles: ['x', 'y'] }
    })
  })

  await t.test('a machine’s token has a client and no session', async (t) => {
    const token = sign(machine())
    t.strictSame(await verifier.verify(token), {
      subject: 'robot',
      kind: 'service',
      roles: [],
      scope: ['orders:read'],
      sessionId: '',
      claims: machine()
    })
    for (const client_id of [undefined, '', 1, null, []])
      await refuses(t, sign(machine({ client_id })), `client_id ${JSON.stringify(client_id)}`)
  })

  await t.test('a machine’s roles are a list or none', async (t) => {
    for (const roles of ['administrator', { includes: 1 }, [1], null]) {
      const outcome = await outcomeOf(verifier.verify(sign(machine({ roles }))))
      t.strictSame(outcome, refusedAs('unauthorized'), JSON.stringify(roles))
    }
  })

  await t.test('a changed byte anywhere is refused', async (t) => {
    const parts = [headerPart, payloadPart, signaturePart]
    for (const [index, part] of parts.entries()) {
      for (let at = 0; at < part.length; at += 11) {
        const other = part[at] === 'A' ? 'B' : 'A'
        const changed = parts.with(index, part.slice(0, at) + other + part.slice(at + 1))
        await refuses(t, changed.join('.'), `part ${index}, character ${at}`)
      }
    }
    for (const text of ['', 'x', 'a.b', 'a.b.c', 'a.b.c.d.e', '..', `${genuine}.`, `.${genuine}`])
      await refuses(t, text, `the text ${text.slice(0, 9)}`)
    await refuses(t, ada.value('refresh'), 'a refresh token')
  })

  await t.test('no algorithm counts but the key’s own', async (t) => {
    const header = { alg: 'ES256', typ: 'at+jwt', kid: active.kid }
    for (const alg of ['none', 'None', 'NONE', '', null, 'ES384', 'RS256', 'PS256', 'EdDSA', 'es256']) {
      const unsigned = `${encode({ ...header, alg })}.${payloadPart}`
      await refuses(t, `${unsigned}.`, `alg ${alg} without a signature`)
      await refuses(t, `${unsigned}.${signaturePart}`, `alg ${alg}`)
    }
    const secrets = [active.publicPem, active.publicPem.trim(), `\n${active.publicPem}`, '']
    for (const bits of [256, 384, 512]) {
      const input = `${encode({ ...header, alg: `HS${bits}` })}.${payloadPart}`
      for (const secret of secrets) {
        const mac = createHmac(`sha${bits}`, secret).update(input).digest('base64url')
        await refuses(t, `${input}.${mac}`, `HS${bits} keyed by the public key`)
      }
    }
  })

  await t.test('no key counts but Gatehouse’s', async (t) => {
    const foreign = createKey(active.kid)
    const jwk = foreign.publicKey.export({ format: 'jwk' })
    await refuses(t, foreign.sign(claims), 'a foreign key under our kid')
    await refuses(t, foreign.sign(claims, { jwk }), 'jwk in the header')
    await refuses(t, foreign.sign(claims, { jku: `${issuer}/.well-known/jwks.json` }), 'jku')
    await refuses(t, foreign.sign(claims, { x5u: 'http://127.0.0.1:1/x.pem' }), 'x5u')
    for (const kid of ['', 'unknown', '../../dev/null', '__proto__', 'constructor', 0, null, [], {}]) {
      await refuses(t, foreign.sign(claims, { kid }), `a foreign key, kid ${JSON.stringify(kid)}`)
      await refuses(t, signed({}, { kid }), `our key, kid ${JSON.stringify(kid)}`)
    }
  })

  await t.test('no other kind of token counts', async (t) => {
    await accepts(
      t,
      signed({}, { typ: 'application/at+jwt' }),
      'the long name of the same type (RFC 9068 §4)'
    )
    for (const typ of ['JWT', 'jwt', 'dpop+jwt', 'logout+jwt', '', null, undefined])
      await refuses(t, signed({}, { typ }), `typ ${typ}`)
    await refuses(t, signed({}, { crit: ['exp'] }), 'crit')
    await refuses(t, signed({}, { crit: [] }), 'empty crit')
    await refuses(t, signed({}, { crit: ['b64'], b64: false }), 'unencoded payload')
    for (const payload of [[], 'x', 1, null, '']) await refuses(t, sign(payload), 'no object')
  })

  await t.test('no token counts that says in its header how else it is to be read', async (t) => {
    for (const zip of ['DEF', '', null]) await refuses(t, signed({}, { zip }), `zip ${zip}`)
    for (const crit of [null, '', 0, false, {}, 'exp', [''], ['kid']])
      await refuses(t, signed({}, { crit }), `crit ${JSON.stringify(crit)}`)
  })

  await t.test('no token counts that is not UTF-8', async (t) => {
    const [head, tail] = JSON.stringify({ ...claims, name: '|' }).split('|') as [string, string]
    const bytes = (middle: number[]) =>
      Buffer.concat([Buffer.from(head), Buffer.from(middle), Buffer.from(tail)])
    await accepts(t, sign(bytes([0xc3, 0xa4])), 'UTF-8')
    for (const middle of [[0xff], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]])
      await refuses(t, sign(bytes(middle)), Buffer.from(middle).toString('hex'))
  })

  await t.test('no token counts that lives for more than an hour', async (t) => {
    const now = Math.floor(clock() / 1000)
    await accepts(t, signed({ iat: now, exp: now + 3600 }), 'an hour')
    await accepts(t, signed({ iat: now, exp: now + 3605 }), 'and what clocks may differ')
    await accepts(t, signed({ iat: now - 3600, exp: now + 5 }), 'the end of it')
    for (const exp of [now + 3606, now + 86_400 * 3650, Number.MAX_SAFE_INTEGER, 1e308])
      await refuses(t, signed({ iat: now, exp }), `exp ${exp}`)
    await refuses(t, signed({ iat: 0 }), 'issued long ago')
    await refuses(t, signed({ iat: now - 3601, exp: now + 5 }), 'which began earlier')
  })

  await t.test('an id has 256 bytes at most', async (t) => {
    for (const name of ['jti', 'sid']) {
      await accepts(t, signed({ [name]: 'x'.repeat(256) }), name)
      for (const id of ['x'.repeat(257), 'é'.repeat(129), 'x'.repeat(10_000)])
        await refuses(t, signed({ [name]: id }), `${name} of ${Buffer.byteLength(id)} bytes`)
    }
    await refuses(t, signed({ sub: 'x'.repeat(257) }), 'sub')
    await refuses(t, sign(machine({ client_id: 'x'.repeat(257) })), 'client_id')
  })

  await t.test('no other issuer or audience counts', async (t) => {
    await accepts(t, signed({ aud: issuer }), 'the audience as a string')
    await accepts(t, signed({ aud: ['https://other.example', issuer] }), 'the audience in a list')
    for (const iss of ['https://evil.example', `${issuer}/`, issuer.toUpperCase(), [issuer, 'x'], '', null])
      await refuses(t, signed({ iss }), `iss ${JSON.stringify(iss)}`)
    for (const aud of ['https://other.example', `${issuer}.evil.example`, [], ['x'], [issuer, 1], '', null])
      await refuses(t, signed({ aud }), `aud ${JSON.stringify(aud)}`)
    const orders = verifierFor(t, gatehouse, { audience: 'https://orders.example.com' })
    t.strictSame(await outcomeOf(orders.verify(genuine)), refusedAs('unauthorized'), 'for another service')
    const token = signed({ aud: ['https://orders.example.com'] })
    t.equal((await orders.verify(token)).subject, claims.sub)
    await refuses(t, token, 'which the other service has, and this one not')
  })

  await t.test('every claim is there and of its type', async (t) => {
    for (const name of Object.keys(claims)) {
      if (name === 'sid') continue
      for (const value of [undefined, null, {}, [1], true])
        await refuses(t, signed({ [name]: value }), `${name} ${JSON.stringify(value)}`)
    }
    for (const name of ['sub', 'jti', 'sid']) await refuses(t, signed({ [name]: '' }), `empty ${name}`)
    for (const name of ['sub', 'jti', 'sid']) await refuses(t, signed({ [name]: 7 }), `${name} a number`)
    for (const roles of ['user', [1], { length: 1 }]) await refuses(t, signed({ roles }), `roles ${roles}`)
    for (const ver of ['1', 1.5, Number.NaN]) await refuses(t, signed({ ver }), `ver ${ver}`)
    for (const sid of [undefined, null]) await refuses(t, signed({ sid }), 'neither a session nor a client')
  })

  await t.test('times are by the injected clock: skew before, hardly any after', async (t) => {
    const now = Math.floor(clock() / 1000)
    await accepts(t, signed({ iat: now + 59 }), 'iat')
    await accepts(t, signed({ nbf: now + 59 }), 'nbf')
    await accepts(t, signed({ exp: now - 4 }), 'exp')
    await refuses(t, signed({ iat: now + 62 }), 'iat')
    await refuses(t, signed({ nbf: now + 62 }), 'nbf')
    await refuses(t, signed({ exp: now - 5 }), 'exp')
    for (const exp of ['9999999999', -1, -0.5]) await refuses(t, signed({ exp }), `exp ${exp}`)
    await refuses(t, signed({ nbf: 'tomorrow' }), 'nbf of text')
    const short = signed({ exp: now + 60 })
    await accepts(t, short, 'a minute before it expires')
    clock.advance(66_000)
    await refuses(t, short, 'which was accepted before')
    clock.advance(-66_000)
    await accepts(t, short, 'not yet expired')
  })

  await t.test('a thousand people at once are each themselves', async (t) => {
    const subjects = Array.from({ length: 1000 }, (_, n) => `person-${n}`)
    const answers = await Promise.all(subjects.map((sub) => verifier.verify(signed({ sub }))))
    t.strictSame(
      answers.map(({ subject }) => subject),
      subjects
    )
  })

  await t.test('what a handler does to who makes its request holds for no other request', async (t) => {
    const auth = await verifier.verify(signed({ sub: 'mallory' }))
    t.throws(() => auth.roles.push('admin'), TypeError)
    t.throws(() => auth.scope.push('users:write'), TypeError)
    t.throws(() => Object.assign(auth, { subject: 'root' }), TypeError)
    t.throws(() => Object.assign(auth.claims, { exp: 1e12 }), TypeError)
  })
})

for (const algorithm of ['EdDSA', 'RS256'] as const) {
  t.test(`tokens of a Gatehouse that signs by ${algorithm} count`, async (t) => {
    const gatehouse = await listen(t, { env: { AUTH_JWT_ALG: algorithm } })
    const ada = await gatehouse.signUp()
    const token = ada.value('access')
    t.equal((await verifierFor(t, gatehouse).verify(token)).subject, claimsOf(token).sub)
    const narrow = verifierFor(t, gatehouse, { algorithms: ['ES256'] })
    t.strictSame(await outcomeOf(narrow.verify(token)), refusedAs('unavailable'), 'no key is of use')
  })
}

t.test('a service may accept fewer algorithms than Gatehouse signs by', async (t) => {
  const impostor = await impersonate(t)
  const { issuer, key, token } = impostor
  const edwards = createKey('edwards', 'EdDSA')
  const rsa = createKey('rsa', 'RS256')
  impostor.jwks = json({ keys: [edwards.jwk, key.jwk, rsa.jwk] })
  const all = verifierFor(t, impostor)
  const one = verifierFor(t, impostor, { algorithms: ['ES256'] })
  const others = [edwards.sign(person(issuer)), rsa.sign(person(issuer))]
  for (const each of [token(), ...others]) t.equal((await all.verify(each)).subject, 'ada')
  t.equal((await one.verify(token())).subject, 'ada')
  for (const each of others) t.strictSame(await outcomeOf(one.verify(each)), refusedAs('unauthorized'))
})

t.test('Gatehouse may be reached elsewhere than at its issuer', async (t) => {
  const gatehouse = await listen(t, { env: { AUTH_ISSUER: 'https://auth.example.com' } })
  const url = `http://127.0.0.1:${gatehouse.port}`
  const verifier = verifierFor(t, gatehouse, { url })
  const token = gatehouse.sign(gatehouse.machine())
  t.equal((await verifier.verify(token)).subject, 'robot')
  const wrong = gatehouse.sign(gatehouse.machine({ iss: url }))
  t.strictSame(await outcomeOf(verifier.verify(wrong)), refusedAs('unauthorized'), 'iss is the issuer’s')
})

t.test('F13: who follows no revocations has said so, and is told once what that means', async (t) => {
  const { issuer } = await impersonate(t)
  const warnings: string[] = []
  const onWarning = ({ message }: Error) => warnings.push(message)
  const verifier = createVerifier({ issuer, audience: issuer, revocations: 'none', onWarning })
  const told = [
    'revocations are not followed: a token is valid until it expires, even if its session has ended'
  ]
  t.strictSame(warnings, told)
  await verifier.ready()
  await outcomeOf(verifier.verify('x'))
  t.strictSame(warnings, told)
  const warned = once(process, 'warning')
  createVerifier({ issuer, audience: issuer, revocations: 'none' })
  t.equal((await warned)[0].message, told[0], 'the process is, where nobody else is named')
})

t.test('options that cannot be meant are refused at once', async (t) => {
  const good = {
    issuer: 'https://auth.example.com',
    audience: 'https://orders.example.com',
    ...UNFOLLOWED
  }
  const bad: Array<readonly [string, object]> = [
    ['http', { issuer: 'http://auth.example.com' }],
    ['http on a name that only begins like a loopback address', { issuer: 'http://127.0.0.1.evil.example' }],
    ['http on a name below localhost', { issuer: 'http://localhost.evil.example' }],
    ['another scheme', { issuer: 'ftp://auth.example.com' }],
    ['no address', { issuer: 'auth.example.com' }],
    ['no issuer', { issuer: '' }],
    ['no audience', { audience: '' }],
    ['no url', { url: 'gatehouse' }],
    ['no word on revocations', { revocations: undefined }],
    ...[null, '', 'off', true, {}, [], { token: '' }, { token: 7 }, { token: 'x', whenLost: 'maybe' }].map(
      (revocations) => [`revocations ${JSON.stringify(revocations)}`, { revocations }] as const
    )
  ]
  for (const [why, options] of bad)
    t.throws(() => createVerifier({ ...good, ...options } as VerifierOptions), TypeError, why)
  for (const issuer of ['http://localhost:1', 'http://127.0.0.1:1', 'http://127.9.9.9:1', 'http://[::1]:1'])
    t.doesNotThrow(() => createVerifier({ ...good, issuer }).close(), issuer)
})

t.test('an empty issuer beside a url is refused, too: any issuer’s tokens would count', async (t) => {
  for (const issuer of ['', 'gatehouse']) {
    t.throws(
      () => createVerifier({ issuer, audience: 'a', url: 'http://localhost:1', ...UNFOLLOWED }),
      TypeError,
      issuer
    )
  }
})
