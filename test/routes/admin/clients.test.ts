import { generateKeyPairSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { build } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'
import {
  ask,
  ed25519,
  ISSUER,
  isoOf,
  make,
  ORDERS,
  p256,
  publicKey,
  rsa,
  SECRET,
  STOCK,
  UUID
} from './machines.ts'
import { readPages } from './people.ts'

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const root = await service.setUp()

    t.test('a client is created with its first secret, told once, and gets tokens by it', async (t) => {
      const { status, headers, body } = await root.post('/admin/clients', {
        name: 'Nightly reports',
        scope: 'b:c a:b a:b',
        audiences: [STOCK, ORDERS]
      })
      t.equal(status, 201)
      t.equal(headers['cache-control'], 'no-store')
      const { id, clientSecret, secrets, ...rest } = body
      t.match(id, UUID)
      t.match(clientSecret, SECRET)
      t.match(secrets, [{ id: UUID }])
      const createdAt = isoOf(service)
      t.strictSame(secrets, [{ id: secrets[0].id, createdAt, expiresAt: null, lastUsedAt: null }])
      const view = {
        name: 'Nightly reports',
        scope: 'a:b b:c',
        audiences: [STOCK, ORDERS],
        grants: ['client_credentials'],
        disabled: false,
        jwks: { keys: [] },
        createdAt
      }
      t.strictSame(rest, view)

      const read = await root.get(`/admin/clients/${id}`)
      t.equal(read.status, 200)
      t.strictSame(read.body, { id, ...view, secrets })
      t.match(await ask(service, id, clientSecret), { status: 200, body: { scope: 'a:b b:c' } })
      const used = await root.get(`/admin/clients/${id}`)
      t.strictSame(used.body, { id, ...view, secrets: [{ ...secrets[0], lastUsedAt: isoOf(service) }] })
    })

    t.test('a client with keys of its own gets no secret', async (t) => {
      const keys = [
        { ...publicKey(p256), kid: 'one' },
        { ...publicKey(ed25519), use: 'sig' },
        { ...publicKey(rsa), alg: 'RS256' }
      ]
      const { status, body } = await root.post('/admin/clients', {
        name: 'signs',
        scope: 'a:b',
        jwks: { keys }
      })
      t.equal(status, 201)
      const { id, createdAt, ...rest } = body
      t.strictSame(rest, {
        name: 'signs',
        scope: 'a:b',
        audiences: [ISSUER],
        grants: ['client_credentials'],
        disabled: false,
        jwks: {
          keys: [
            { ...keys[0], alg: 'ES256' },
            { ...keys[1], alg: 'EdDSA' },
            { ...keys[2], alg: 'RS256' }
          ]
        },
        secrets: []
      })
      t.strictSame((await root.get(`/admin/clients/${id}`)).body, { id, createdAt, ...rest })
    })

    t.test('the list is read by its cursor to the end, in order of creation', async (t) => {
      for (let n = 0; n < 5; n += 1) await make(root, '', { name: `listed ${n}` })
      const whole = (await root.get('/admin/clients?limit=200')).body
      t.equal(whole.nextCursor, null)
      t.strictSame(
        whole.items.slice(-5).map(({ name }: { name: string }) => name),
        [0, 1, 2, 3, 4].map((n) => `listed ${n}`)
      )
      for (const limit of [1, 2, whole.items.length, 200]) {
        const pages = await readPages(root, '/admin/clients', limit)
        t.strictSame(pages.flat(), whole.items, `limit ${limit}`)
        t.equal(pages.length, Math.ceil(whole.items.length / limit))
      }
      for (const query of ['limit=0', 'limit=201', 'cursor=*', 'page=2']) {
        t.match(await root.get(`/admin/clients?${query}`), { status: 400, body: { code: 'invalid_request' } })
      }
    })
  })
}

t.test('what is not well-formed', async (t) => {
  const service = await build(t)
  const root = await service.setUp()
  const good = { name: 'robot', scope: 'a:b' }
  const { id } = await make(root, 'a:b')
  const before = (await root.get('/admin/clients?limit=200')).body

  async function refused(t: Test, input: object, pointer: string, code?: string) {
    const answers = [
      await root.post('/admin/clients', { ...good, ...input }),
      await root.patch(`/admin/clients/${id}`, input)
    ]
    for (const answer of answers) {
      const { errors, ...body } = refusalOf(answer).body
      t.strictSame(body, refusal(400, 'invalid_request').body, JSON.stringify(input))
      t.equal(errors[0].pointer, pointer, JSON.stringify(input))
      if (code !== undefined) t.equal(errors[0].code, code)
      t.equal(errors.length, 1, `one fault is told once: ${JSON.stringify(errors)}`)
    }
  }

  t.test('a name, a scope or an audience is refused by its pointer', async (t) => {
    const cases: Array<[input: object, pointer: string]> = [
      [{ name: '' }, '/name'],
      [{ name: 'n'.repeat(101) }, '/name'],
      [{ name: 'a\nb' }, '/name'],
      [{ name: 1 }, '/name'],
      [{ scope: 'a  b' }, '/scope'],
      [{ scope: ' a' }, '/scope'],
      [{ scope: 'a"b' }, '/scope'],
      [{ scope: 'a\\b' }, '/scope'],
      [{ scope: 'ä' }, '/scope'],
      [{ scope: ['a'] }, '/scope'],
      [{ audiences: [''] }, '/audiences/0'],
      [{ audiences: [ORDERS, 'https://a.example.com/#part'] }, '/audiences/1'],
      [{ audiences: ['a b'] }, '/audiences/0'],
      [{ audiences: [`https://${'a'.repeat(255)}`] }, '/audiences/0'],
      [{ audiences: [ORDERS, ORDERS] }, '/audiences'],
      [{ audiences: ORDERS }, '/audiences'],
      [{ audiences: Array.from({ length: 21 }, (_, n) => `https://a${n}.example.com`) }, '/audiences'],
      [{ jwks: [] }, '/jwks'],
      [{ jwks: {} }, '/jwks/keys'],
      [{ id: 'mine' }, '/id'],
      [{ clientSecret: 'mine' }, '/clientSecret']
    ]
    for (const [input, pointer] of cases) await refused(t, input, pointer)
  })

  t.test('a key that is not a public one for our algorithms is refused by its pointer', async (t) => {
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    const x25519 = generateKeyPairSync('x25519')
    const one = publicKey(p256)
    const cases: Array<[keys: object[], pointer: string]> = [
      [[p256.privateKey.export({ format: 'jwk' })], '/jwks/keys/0/d'],
      [[one, ed25519.privateKey.export({ format: 'jwk' })], '/jwks/keys/1/d'],
      [[publicKey(p384)], '/jwks/keys/0/crv'],
      [[publicKey(x25519)], '/jwks/keys/0/crv'],
      [[{ kty: 'oct', k: 'c2VjcmV0' }], '/jwks/keys/0/kty'],
      [[one, publicKey(small)], '/jwks/keys/1'],
      [[{ ...one, alg: 'RS256' }], '/jwks/keys/0'],
      [[{ ...publicKey(rsa), alg: 'ES256' }], '/jwks/keys/0'],
      [[{ ...publicKey(ed25519), alg: 'ES256' }], '/jwks/keys/0'],
      [[{ ...one, alg: 'HS256' }], '/jwks/keys/0/alg'],
      [[{ ...one, use: 'enc' }], '/jwks/keys/0/use'],
      [[{ kty: 'EC', crv: 'P-256' }], '/jwks/keys/0'],
      [[{ ...one, y: 'AAAA' }], '/jwks/keys/0'],
      [Array.from({ length: 11 }, () => one), '/jwks/keys']
    ]
    for (const [keys, pointer] of cases) {
      const answer = await root.post('/admin/clients', { ...good, jwks: { keys } })
      t.equal(answer.status, 400, pointer)
      t.equal(answer.body.code, 'invalid_request')
      const pointers = answer.body.errors.map((error: { pointer: string }) => error.pointer)
      t.ok(pointers.includes(pointer), `${pointer} among ${pointers}`)
      t.equal((await root.patch(`/admin/clients/${id}`, { jwks: { keys } })).status, 400)
    }
    const whole = refusalOf(
      await root.post('/admin/clients', { ...good, jwks: { keys: [publicKey(small)] } })
    )
    const detail = 'This is no public key for signatures of ours.'
    t.strictSame(
      whole,
      refusal(400, 'invalid_request', { errors: [{ pointer: '/jwks/keys/0', code: 'key', detail }] })
    )
  })

  t.test('a private RSA key is refused, and nothing of it is said', async (t) => {
    const key = rsa.privateKey.export({ format: 'jwk' })
    const answer = await root.post('/admin/clients', { ...good, jwks: { keys: [key] } })
    t.equal(answer.status, 400)
    t.notOk(answer.text.includes(String(key.d)))
  })

  t.test('what is missing is named, and an empty change is none', async (t) => {
    for (const field of ['name', 'scope']) {
      const { status, body } = await root.post('/admin/clients', { ...good, [field]: undefined })
      t.equal(status, 400)
      t.equal(body.errors[0].pointer, `/${field}`)
    }
    t.match(await root.patch(`/admin/clients/${id}`, {}), { status: 400, body: { code: 'invalid_request' } })
    t.match(await root.post(`/admin/clients/${id}/secrets`, { secret: 'mine' }), {
      status: 400,
      body: { errors: [{ pointer: '/secret' }] }
    })
  })

  t.strictSame((await root.get('/admin/clients?limit=200')).body, before, 'and nothing came of all that')
})
