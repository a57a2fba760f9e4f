import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { DAY, HOUR, MINUTE, SECOND, toIso } from '../../../domain/clock.ts'
import { build, password } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'
import { delegate, idOf } from './people.ts'

const LEAD = 2 * MINUTE
const operator = { actorId: 'operator', ip: null, userAgent: null, requestId: null }

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const { app, clock } = service
    const root = await service.setUp()
    const began = app.signingKeys.schedule().active.createdAt
    const made = { algorithm: 'ES256', imported: false }
    const kidAt = (status: 'active' | 'next') => app.signingKeys.schedule()[status]?.kid
    const [first, second] = [kidAt('active'), kidAt('next')]

    async function auditOf(type: string) {
      const { body } = await root.get(`/admin/audit?type=${type}`)
      return body.items
    }

    t.test('the list has the next key, the active one, and nothing secret', async (t) => {
      const { status, headers, body, text } = await root.get('/admin/keys')
      t.equal(status, 200)
      t.match(headers, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
      const createdAt = toIso(began)
      t.strictSame(body, {
        items: [
          { kid: second, ...made, status: 'next', createdAt, activatesAt: toIso(began + 30 * DAY) },
          { kid: first, ...made, status: 'active', createdAt, activatesAt: createdAt }
        ],
        nextCursor: null
      })
      t.notMatch(text, 'PRIVATE')
      t.notMatch(text, app.signingKeys.schedule().active.sealedPrivateKey)
    })

    t.test('the list is read page by page', async (t) => {
      const one = await root.get('/admin/keys?limit=1')
      t.strictSame(
        one.body.items.map(({ kid }: { kid: string }) => kid),
        [second]
      )
      const two = await root.get(`/admin/keys?limit=1&cursor=${one.body.nextCursor}`)
      t.strictSame(
        two.body.items.map(({ kid }: { kid: string }) => kid),
        [first]
      )
      t.equal(two.body.nextCursor, null)
      for (const cursor of ['bm9uZQ', '%20', 'a'.repeat(201)]) {
        const refused = await root.get(`/admin/keys?cursor=${cursor}`)
        t.equal(refused.status, 400)
        t.equal(refused.body.code, 'invalid_request')
      }
    })

    t.test('the first rotation is immediate, whole and written down', async (t) => {
      clock.advance(MINUTE)
      const now = clock()
      const { status, body, cookies } = await root.post('/admin/keys')
      t.equal(status, 200)
      t.strictSame(cookies, [])
      const third = kidAt('next')
      t.notOk([first, second, undefined].includes(third))
      t.strictSame(body, {
        items: [
          {
            kid: third,
            ...made,
            status: 'next',
            createdAt: toIso(now),
            activatesAt: toIso(now + 30 * DAY)
          },
          { kid: second, ...made, status: 'active', createdAt: toIso(began), activatesAt: toIso(now) },
          { kid: first, ...made, status: 'retired', createdAt: toIso(began), activatesAt: toIso(began) }
        ],
        nextCursor: null
      })
      t.strictSame((await root.get('/admin/keys')).body, body)
      t.equal((await root.get('/auth/me')).status, 200, 'tokens signed before go on to count')

      const [event, ...others] = await auditOf('key.rotated')
      t.strictSame(others, [])
      t.match(event, { type: 'key.rotated', at: toIso(now), actorId: await idOf(root), userId: null })
      t.match(event, { ip: '127.0.0.1', requestId: String })
      t.strictSame(event.detail, { published: [third], activated: [second], removed: [] })
    })

    t.test('a second rotation right after says when, and then happens by itself', async (t) => {
      const { active, next } = app.signingKeys.schedule()
      const due = toIso(clock() + LEAD)
      clock.advance(SECOND)
      const { status, body } = await root.post('/admin/keys')
      t.equal(status, 200)
      t.match(body.items[0], { kid: next?.kid, status: 'next', activatesAt: due })
      t.match(body.items[1], { kid: active.kid, status: 'active' })
      t.strictSame((await root.post('/admin/keys')).body, body, 'asked again, it says the same')

      clock.advance(LEAD - SECOND - 1)
      t.match((await root.get('/admin/keys')).body.items[1], { kid: active.kid, status: 'active' })
      clock.advance(1)
      const after = (await root.get('/admin/keys')).body.items
      t.match(after[0], { kid: next?.kid, status: 'active', activatesAt: due })
      t.match(after[1], { kid: active.kid, status: 'retired' })
      const [latest] = await auditOf('key.rotated')
      t.strictSame(latest.detail, { published: [], activated: [next?.kid], removed: [] })
    })

    t.test('upkeep publishes the key after it, and removes what is dead, as nobody', async (t) => {
      clock.advance(HOUR + 7 * MINUTE)
      await root.post('/auth/refresh')
      const gone = app.signingKeys.schedule().retired.map(({ kid }) => kid)
      await app.signingKeys.maintain()
      const { body } = await root.get('/admin/keys')
      t.strictSame(
        body.items.map(({ status }: { status: string }) => status),
        ['next', 'active']
      )
      const [event] = await auditOf('key.published')
      t.match(event, { actorId: null, userId: null, ip: null, userAgent: null, requestId: null })
      t.strictSame(event.detail, { published: [kidAt('next')], activated: [], removed: gone })
    })

    t.test('an imported key is shown as such and written down', async (t) => {
      const { privateKey } = generateKeyPairSync('ed25519')
      const text = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
      clock.advance(MINUTE)
      const { kid } = await app.signingKeys.import(text, operator)
      const now = toIso(clock())
      clock.advance(500)
      const item = (await root.get('/admin/keys')).body.items[1]
      t.strictSame(item, {
        kid,
        algorithm: 'EdDSA',
        status: 'active',
        imported: true,
        createdAt: now,
        activatesAt: toIso(clock())
      })
      const [event, ...others] = await auditOf('key.imported')
      t.strictSame(others, [])
      t.match(event, { actorId: 'operator', at: now })
      t.strictSame(event.detail, { kid })

      await app.signingKeys.import(text, operator)
      t.equal((await auditOf('key.imported')).length, 1, 'imported again while it signs, nothing happens')
    })

    t.test('a key is revoked by its id; what is no key is 404', async (t) => {
      await root.post('/auth/reauthenticate', { password })
      const { next } = app.signingKeys.schedule()
      const revoke = (kid: string) => root.delete(`/admin/keys/${kid}`)
      const { status, text, cookies } = await revoke(next?.kid as string)
      t.strictSame({ status, text, cookies }, { status: 204, text: '', cookies: [] })
      t.equal(kidAt('next'), undefined)
      const detail = 'There is no signing key with this id.'
      for (const kid of [next?.kid as string, 'x', '-', 'x'.repeat(64)])
        t.match(await revoke(kid), { status: 404, body: { code: 'not_found', detail } })
      for (const kid of ['x'.repeat(65), '%00']) t.match(await revoke(kid), { status: 400 })
      const [event, ...others] = await auditOf('key.revoked')
      t.strictSame(others, [])
      t.match(event, { actorId: await idOf(root), detail: { removed: [next?.kid] } })
      await app.signingKeys.maintain()
    })

    t.test('who may not is told so, and nothing happens', async (t) => {
      await root.post('/auth/reauthenticate', { password })
      const reader = await delegate(service, root, 'key-reader', 'keys:read')
      const writer = await delegate(service, root, 'key-writer', 'keys:write')
      const user = await service.signUp('user@example.com')
      const before = (await root.get('/admin/keys')).body
      const forbidden = refusal(403, 'forbidden')
      const unauthorized = refusal(401, 'unauthorized')

      t.strictSame((await reader.get('/admin/keys')).body, before)
      t.strictSame(refusalOf(await writer.get('/admin/keys')), forbidden)
      t.strictSame(refusalOf(await user.get('/admin/keys')), forbidden)
      t.strictSame(refusalOf(await service.browser().get('/admin/keys')), unauthorized)

      t.strictSame(refusalOf(await reader.post('/admin/keys')), forbidden)
      t.strictSame(refusalOf(await user.post('/admin/keys')), forbidden)
      t.strictSame(refusalOf(await service.browser().post('/admin/keys')), unauthorized)
      const path = `/admin/keys/${kidAt('active')}`
      t.strictSame(refusalOf(await reader.delete(path)), forbidden)
      t.strictSame(refusalOf(await user.delete(path)), forbidden)
      t.strictSame(refusalOf(await service.browser().delete(path)), unauthorized)
      t.strictSame((await root.get('/admin/keys')).body, before)
      clock.advance(SECOND)
      t.equal((await writer.post('/admin/keys')).status, 200)
    })

    t.test('a rotation and a revocation need a recent sign-in, reading does not', async (t) => {
      clock.advance(11 * MINUTE)
      await root.post('/auth/refresh')
      const before = (await root.get('/admin/keys')).body
      t.strictSame(refusalOf(await root.post('/admin/keys')), refusal(401, 'reauthentication_required'))
      const revoked = await root.delete(`/admin/keys/${kidAt('active')}`)
      t.strictSame(refusalOf(revoked), refusal(401, 'reauthentication_required'))
      t.strictSame((await root.get('/admin/keys')).body, before)
      await root.post('/auth/reauthenticate', { password })
      t.equal((await root.post('/admin/keys')).status, 200)
    })

    t.test('a rotation from another site is refused', async (t) => {
      const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example.com' }
      const answer = await root.post('/admin/keys', undefined, headers)
      t.strictSame(refusalOf(answer), refusal(403, 'cross_site_request'))
    })

    t.test('many rotations at once are one change-over after another, never two active keys', async (t) => {
      clock.advance(5 * MINUTE)
      await app.signingKeys.maintain()
      clock.advance(5 * MINUTE)
      await root.post('/auth/refresh')
      await root.post('/auth/reauthenticate', { password })
      const before = app.signingKeys.schedule()
      const answers = await Promise.all(Array.from({ length: 10 }, () => root.post('/admin/keys')))
      t.ok(answers.every(({ status }) => status === 200))
      const { active, next } = app.signingKeys.schedule()
      t.equal(active.kid, before.next?.kid)
      t.equal(next?.activatesAt, clock() + LEAD)
      t.equal(
        (await app.store.signingKeys.list()).filter(({ activatesAt }) => activatesAt > clock()).length,
        1
      )
    })
  })
}
