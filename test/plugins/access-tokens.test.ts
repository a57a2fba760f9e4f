import { createHmac, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import t from 'tap'
import { MINUTE } from '../../domain/clock.ts'
import { openKey } from '../../domain/keys/signing-key.ts'
import { build } from '../harness/build.ts'

type Json = Record<string, unknown>

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const decode = (part: string | undefined) =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Json

function signWith(key: KeyObject, header: Json, claims: unknown): string {
  const input = `${encode(header)}.${encode(claims)}`
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

t.test('access tokens', async (t) => {
  const { app, browser, signUp, clock } = await build(t, {
    routes: (app) =>
      app.get('/guarded', { preHandler: app.tokenGuard('bearer') }, async ({ auth }) => ({
        subject: auth?.subject
      }))
  })
  const ada = await signUp()
  const genuine = ada.value('access')
  const [headerPart, payloadPart, signaturePart] = genuine.split('.') as [string, string, string]
  const header = decode(headerPart)
  const claims = decode(payloadPart)
  const active = openKey(app.signingKeys.schedule().active, app.derivedKeys.signingKeyWrap)
  const { publicPem } = active
  const ownKey = createPrivateKey(active.privatePem)

  const call = (token: string) => browser().get('/guarded', { authorization: `Bearer ${token}` })
  /** Signed by our own key, whatever it says. */
  const signed = (changes: Json, headerChanges: Json = {}) =>
    signWith(ownKey, { ...header, ...headerChanges }, { ...claims, ...changes })

  async function refused(token: string, why: string) {
    const { status, body, headers } = await call(token)
    t.equal(status, 401, why)
    t.strictSame(
      { ...body, requestId: '' },
      {
        type: 'urn:gatehouse:problem:unauthorized',
        title: 'Sign in to do this.',
        status: 401,
        code: 'unauthorized',
        requestId: ''
      },
      `${why}: one body for all`
    )
    t.equal(headers['www-authenticate'], 'Bearer')
  }

  t.test('carry the claims of RFC 9068 and nothing personal', async (t) => {
    t.strictSame(Object.keys(header).sort(), ['alg', 'kid', 'typ'])
    t.match(header, { alg: 'ES256', typ: 'at+jwt' })
    t.strictSame(Object.keys(claims).sort(), [
      'aud',
      'auth_time',
      'exp',
      'iat',
      'iss',
      'jti',
      'roles',
      'scope',
      'sid',
      'sub',
      'ver'
    ])
    t.match(claims, {
      iss: 'http://localhost:3000',
      aud: 'http://localhost:3000',
      roles: ['user'],
      scope: '',
      ver: 1
    })
    t.equal((claims.exp as number) - (claims.iat as number), 300)
    t.notMatch(JSON.stringify(claims), /example\.com/)
  })

  t.test('a genuine one is believed, the same a thousand times', async (t) => {
    for (let n = 0; n < 1000; n += 1) if ((await call(genuine)).status !== 200) t.fail('refused')
    t.match((await call(genuine)).body, { subject: claims.sub })
    t.equal(
      (await call(signed({}))).status,
      200,
      'what the test signs is believed, so that what follows can fail'
    )
  })

  t.test('the signature covers every byte of them', async () => {
    const parts = [headerPart, payloadPart, signaturePart]
    for (const [index, part] of parts.entries()) {
      for (let at = 0; at < part.length; at += 7) {
        const other = part[at] === 'A' ? 'B' : 'A'
        const changed = [...parts]
        changed[index] = part.slice(0, at) + other + part.slice(at + 1)
        await refused(changed.join('.'), `part ${index}, character ${at}`)
      }
    }
  })

  t.test('no algorithm but the key’s own', async () => {
    for (const alg of ['none', 'None', 'nOnE', 'NONE', '']) {
      const unsigned = `${encode({ ...header, alg })}.${payloadPart}`
      await refused(`${unsigned}.`, `alg ${alg}`)
      await refused(`${unsigned}.${signaturePart}`, `alg ${alg} with a signature`)
    }
    const secrets = [publicPem, ` ${publicPem}`, publicPem.trim(), `\n${publicPem}`, `\uFEFF${publicPem}`, '']
    for (const [alg, hash] of [
      ['HS256', 'sha256'],
      ['HS384', 'sha384'],
      ['HS512', 'sha512']
    ] as const) {
      const input = `${encode({ ...header, alg })}.${payloadPart}`
      for (const secret of secrets) {
        await refused(
          `${input}.${createHmac(hash, secret).update(input).digest('base64url')}`,
          `${alg} keyed by our public key`
        )
      }
    }
    for (const alg of ['ES384', 'ES512', 'RS256', 'PS256', 'EdDSA', 'es256']) {
      await refused(`${encode({ ...header, alg })}.${payloadPart}.${signaturePart}`, `alg ${alg}`)
    }
  })

  t.test('no key but ours', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const foreign = (changes: Json) => signWith(privateKey, { ...header, ...changes }, claims)
    await refused(foreign({}), 'a foreign key under our kid')
    await refused(foreign({ jwk: publicKey.export({ format: 'jwk' }) }), 'jwk in the header')
    await refused(foreign({ jku: 'http://127.0.0.1:1/jwks.json' }), 'jku')
    await refused(foreign({ x5u: 'http://127.0.0.1:1/x.pem' }), 'x5u')
    for (const kid of [
      '',
      'unknown',
      '../../../../dev/null',
      "' or 1=1 --",
      '__proto__',
      'constructor',
      0,
      null,
      [],
      {}
    ]) {
      await refused(foreign({ kid }), `kid ${JSON.stringify(kid)}`)
      await refused(signed({}, { kid }), `our key, kid ${JSON.stringify(kid)}`)
    }
  })

  t.test('no other kind of token', async () => {
    for (const typ of ['JWT', 'jwt', 'dpop+jwt', 'logout+jwt', '', undefined])
      await refused(signed({}, { typ }), `typ ${typ}`)
    await refused(signed({}, { crit: ['exp'] }), 'crit')
    await refused(signed({}, { crit: [] }), 'empty crit')
    await refused(signed({}, { crit: ['b64'], b64: false }), 'unencoded payload')
    for (const payload of [[], 'x', 1, null, ''])
      await refused(signWith(ownKey, header, payload), 'no object')
    await refused(ada.value('refresh'), 'a refresh token')
    for (const text of ['x', 'a.b', 'a.b.c.d', 'a.b.c.d.e', '..', `${genuine}.`, `.${genuine}`])
      await refused(text, text.slice(0, 9))
  })

  t.test('no foreign issuer or audience, and every claim of its own type', async () => {
    for (const iss of [
      'https://evil.example',
      'http://localhost:3000/',
      ['http://localhost:3000', 'x'],
      '',
      null,
      undefined
    ]) {
      await refused(signed({ iss }), `iss ${JSON.stringify(iss)}`)
    }
    for (const aud of [
      'https://evil.example',
      'http://localhost:3000.evil.example',
      [],
      ['x'],
      '',
      undefined
    ]) {
      await refused(signed({ aud }), `aud ${JSON.stringify(aud)}`)
    }
    for (const name of Object.keys(claims)) {
      for (const value of [undefined, null, {}, [1], true])
        await refused(signed({ [name]: value }), `${name} ${JSON.stringify(value)}`)
    }
    await refused(signed({ sub: '' }), 'empty sub')
    await refused(signed({ aud: 'x'.repeat(100_000) }).slice(0, 90_000), 'cut off')
  })

  t.test('none that lives for long, has a huge id, or says how else it is to be read', async (t) => {
    const now = Math.floor(clock() / 1000)
    t.equal((await call(signed({ exp: (claims.iat as number) + 3600 }))).status, 200)
    for (const exp of [(claims.iat as number) + 3606, now + 86_400 * 3650, 1e308])
      await refused(signed({ exp }), `exp ${exp}`)
    t.equal((await call(signed({ jti: 'x'.repeat(256) }))).status, 200)
    await refused(signed({ jti: 'x'.repeat(257) }), 'jti')
    await refused(signed({}, { zip: 'DEF' }), 'zip')
    for (const crit of [null, '', false]) await refused(signed({}, { crit }), `crit ${crit}`)
  })

  t.test('in their time: skew before, hardly any after', async (t) => {
    const now = Math.floor(clock() / 1000)
    t.equal((await call(signed({ iat: now + 58 }))).status, 200)
    t.equal((await call(signed({ nbf: now + 58 }))).status, 200)
    t.equal((await call(signed({ exp: now - 3 }))).status, 200)
    await refused(signed({ iat: now + 62 }), 'iat')
    await refused(signed({ nbf: now + 62 }), 'nbf')
    await refused(signed({ exp: now - 6 }), 'exp')
    for (const exp of ['9999999999', -1, 1e308 * 10, null]) await refused(signed({ exp }), `exp ${exp}`)
    await refused(signed({ nbf: 'tomorrow' }), 'nbf of text')
  })

  t.test('a header of another scheme is no credential: the cookie beside it counts', async (t) => {
    for (const authorization of [`Basic ${encode('a:b')}`, genuine, `Token ${genuine}`, '']) {
      t.equal((await browser().get('/guarded', { authorization })).status, 401, authorization.slice(0, 12))
      t.equal((await ada.get('/guarded', { authorization })).status, 200, authorization.slice(0, 12))
    }
  })

  t.test('one that was believed before is refused once it is expired, for all the cache', async (t) => {
    const short = signed({ exp: Math.floor(clock() / 1000) + 60 })
    t.equal((await call(short)).status, 200)
    clock.advance(66_000)
    await refused(short, 'expired')
    clock.advance(-66_000)
    t.equal((await call(short)).status, 200)
  })

  t.test('a Bearer header is the only credential, to the letter', async (t) => {
    for (const authorization of [
      'Bearer',
      'Bearer ',
      `Bearer\t${genuine}`,
      `Bearer ${genuine} x`,
      `Bearer ${genuine},Bearer ${genuine}`
    ]) {
      const { status, body } = await ada.get('/guarded', { authorization })
      t.equal(status, 401, `${authorization.slice(0, 12)}: the good cookie beside it does not help`)
      t.equal(body.code, 'unauthorized')
    }
    for (const authorization of [`bearer ${genuine}`, `Bearer  ${genuine}`, `BEARER   ${genuine}`])
      t.equal((await browser().get('/guarded', { authorization })).status, 200, authorization.slice(0, 12))
    t.equal((await browser().get(`/guarded?access_token=${genuine}`)).status, 401, 'never from the address')
  })

  t.test('a thousand people at once are each themselves', async (t) => {
    const tokens = Array.from(
      { length: 1000 },
      (_, n) => [`person-${n}`, signed({ sub: `person-${n}` })] as const
    )
    const answers = await Promise.all(
      tokens.map(async ([sub, token]) => [(await call(token)).body.subject, sub])
    )
    t.ok(answers.every(([subject, sub]) => subject === sub))
  })

  t.test('a revoked one stays refused when its signature is written in another way', async (t) => {
    const eve = await signUp('eve@example.com')
    const token = eve.value('access')
    t.equal((await call(token)).status, 200)
    await eve.post('/auth/logout')
    await refused(token, 'revoked')
    const [head, body, signature = ''] = token.split('.')
    const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')
    const bytes = Buffer.from(signature, 'base64url')
    const s = order - BigInt(`0x${bytes.subarray(32).toString('hex')}`)
    const mirrored = Buffer.concat([
      bytes.subarray(0, 32),
      Buffer.from(s.toString(16).padStart(64, '0'), 'hex')
    ])
    await refused(`${head}.${body}.${mirrored.toString('base64url')}`, 'the mirrored signature')
  })
})

t.test(
  'EdDSA by setting: once everybody knows the key new tokens are EdDSA, those before still count',
  async (t) => {
    const first = await build(t)
    const ada = await first.signUp()
    const { app } = await build(t, { env: { ...first.env, AUTH_JWT_ALG: 'EdDSA' }, clock: first.clock })
    await app.signingKeys.applyRules()
    first.clock.advance(2 * MINUTE)
    const call = (token: string) =>
      app
        .inject({ url: '/auth/me', headers: { authorization: `Bearer ${token}` } })
        .then(({ statusCode }) => statusCode)
    t.equal(await call(ada.value('access')), 200)
    const refreshed = await app.inject({
      method: 'POST',
      url: '/auth/refresh',
      headers: { 'sec-fetch-site': 'same-origin' },
      cookies: { refresh: ada.value('refresh'), session: ada.value('session') }
    })
    const token = refreshed.cookies.find(({ name }) => name === 'access')?.value ?? ''
    t.match(decode(token.split('.')[0]), { alg: 'EdDSA', typ: 'at+jwt' })
    t.equal(await call(token), 200)
  }
)
