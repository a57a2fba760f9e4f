import { createHash } from 'node:crypto'
import { importJWK } from 'jose'
import t from 'tap'
import { DAY, MINUTE, SECOND } from '../../../domain/clock.ts'
import { publicJwk } from '../../../domain/keys/signing-key.ts'
import { ALGORITHMS } from '../../../verifier/sources.ts'
import { build } from '../../harness/build.ts'

const PATH = '/.well-known/jwks.json'
const UNTIL_DEAD = 60 * MINUTE + 65 * SECOND
const operator = { actorId: 'operator', ip: null, userAgent: null, requestId: null }

t.test('the JWKS', async (t) => {
  const { app, browser, clock, env } = await build(t)
  const get = (headers?: Record<string, string>) => browser().get(PATH, headers)
  const kids = async () => (await get()).body.keys.map(({ kid }: { kid: string }) => kid)

  t.test(
    'has the active key and the next one from the first moment, and nothing but public members',
    async (t) => {
      const { active, next } = app.signingKeys.schedule()
      const { status, headers, body, cookies } = await get()
      t.equal(status, 200)
      t.strictSame(body, { keys: [active, next].map((key) => key && publicJwk(key)) })
      for (const key of body.keys) {
        t.strictSame(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
        t.match(await importJWK(key), { type: 'public' })
      }
      const digest = createHash('sha256').update(`${active.kid},${next?.kid}`).digest('base64url')
      t.match(headers, {
        'content-type': /^application\/jwk-set\+json/,
        'cache-control': 'public, max-age=60',
        etag: `"${digest}"`,
        'x-content-type-options': 'nosniff'
      })
      t.notOk('pragma' in headers)
      t.strictSame(cookies, [])
    }
  )

  t.test('is 304 without a body for whoever holds it already', async (t) => {
    const { headers } = await get()
    const etag = headers.etag as string
    for (const held of [etag, `W/${etag}`, `"other", ${etag}`, `"a",W/${etag} , "b"`, '*']) {
      const { status, text, headers } = await get({ 'if-none-match': held })
      t.equal(status, 304, held)
      t.equal(text, '')
      t.match(headers, { etag, 'cache-control': 'public, max-age=60' })
      const type = headers['content-type'] ?? 'application/jwk-set+json'
      t.match(type, /^application\/jwk-set\+json/)
    }
    for (const held of ['"other"', etag.slice(1, -1), `${etag.slice(0, -2)}"`, '', '"*"'])
      t.equal((await get({ 'if-none-match': held })).status, 200, held)
  })

  t.test('answers HEAD as GET, without the body', async (t) => {
    const head = await browser().request('HEAD', PATH)
    t.equal(head.status, 200)
    t.equal(head.text, '')
    t.match(head.headers, { etag: (await get()).headers.etag, 'cache-control': 'public, max-age=60' })
  })

  t.test('takes no credential into account', async (t) => {
    t.equal((await get({ authorization: 'Bearer rubbish' })).status, 200)
    t.equal((await get({ cookie: 'access=x; refresh=y' })).status, 200)
    t.equal((await browser().post(PATH)).status, 405)
  })

  t.test('has another ETag once it has another key', async (t) => {
    const { headers } = await get()
    const { active, next } = app.signingKeys.schedule()
    clock.advance(1)
    await app.signingKeys.rotate(operator)
    const after = app.signingKeys.schedule()
    t.strictSame(await kids(), [active.kid, next?.kid, after.next?.kid])
    t.equal((await get({ 'if-none-match': headers.etag as string })).status, 200)
  })

  t.test(
    'has a retired key until its last token is dead, to the millisecond and without any upkeep',
    async (t) => {
      const { active, next, retired } = app.signingKeys.schedule()
      clock.advance(active.activatesAt + UNTIL_DEAD - 1 - clock())
      t.strictSame(await kids(), [retired[0]?.kid, active.kid, next?.kid])
      const { headers } = await get()
      clock.advance(1)
      t.strictSame(await kids(), [active.kid, next?.kid])
      t.not((await get()).headers.etag, headers.etag)

      t.equal((await app.signingKeys.schedule().retired).length, 1)
      await app.signingKeys.maintain()
      t.strictSame(app.signingKeys.schedule().retired, [], 'and upkeep removes its row')
    }
  )

  t.test('has no copy of a key that another instance removed', async (t) => {
    const other = await build(t, { env, clock })
    const [before] = [await kids()]
    clock.advance(30 * DAY)
    await other.app.signingKeys.maintain()
    clock.advance(UNTIL_DEAD)
    await other.app.signingKeys.maintain()
    await app.signingKeys.poll()
    t.strictSame(await kids(), [before[1], other.app.signingKeys.schedule().next?.kid])
  })
})

for (const algorithm of ALGORITHMS) {
  t.test(`the JWKS with keys for ${algorithm} has their public members alone`, async (t) => {
    const { browser } = await build(t, { env: { AUTH_JWT_ALG: algorithm } })
    const { keys } = (await browser().get(PATH)).body
    const members = { ES256: ['crv', 'kty', 'x', 'y'], EdDSA: ['crv', 'kty', 'x'], RS256: ['e', 'kty', 'n'] }
    t.equal(keys.length, 2)
    for (const key of keys) {
      t.strictSame(Object.keys(key).sort(), [...members[algorithm], 'alg', 'kid', 'use'].sort())
      t.match(key, { alg: algorithm, use: 'sig' })
    }
  })
}

t.test('others may keep the JWKS for less where keys change within minutes', async (t) => {
  const { browser } = await build(t, { env: { AUTH_KEY_ROTATION: '10s' } })
  t.equal((await browser().get(PATH)).headers['cache-control'], 'public, max-age=2')
})

t.test('the JWKS is not limited', async (t) => {
  const { app } = await build(t, { env: { AUTH_RATE_LIMIT_PER_IP: '3' } })
  const get = (url: string) => app.inject({ url, remoteAddress: '192.0.2.1' })
  const statuses = new Set<number>()
  for (let n = 0; n < 50; n += 1) statuses.add((await get(PATH)).statusCode)
  t.strictSame([...statuses], [200])
  const others = new Set<number>()
  for (let n = 0; n < 5; n += 1) others.add((await get('/auth/me')).statusCode)
  t.strictSame([...others], [401, 429], 'while everything else is, and was not used up by it')
})

t.test('the JWKS is the same for every origin', async (t) => {
  const { browser } = await build(t, { env: { AUTH_ALLOWED_ORIGINS: 'https://app.example.com' } })
  const answers = await Promise.all(
    [undefined, 'https://app.example.com', 'https://elsewhere.example.com', 'null'].map((origin) =>
      browser({ ...(origin && { origin }), 'sec-fetch-site': 'cross-site' }).get(PATH)
    )
  )
  for (const { status, text, headers } of answers) {
    t.equal(status, 200)
    t.equal(text, answers[0]?.text)
    t.equal(headers.etag, answers[0]?.headers.etag)
    t.equal(headers['cache-control'], 'public, max-age=60')
  }
})
