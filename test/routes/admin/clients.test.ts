import { generateKeyPairSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { MINUTE } from '../../../domain/clock.ts'
import type { Answer, Browser } from '../../harness/browser.ts'
import { build, password, type TestApp } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'
import { delegate, hire, idOf, readPages } from './people.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const SECRET = /^ghs_[\w-]{43}$/
const NOWHERE = '/admin/clients/01890000-0000-7000-8000-000000000000'
const ISSUER = 'http://localhost:3000'
const ORDERS = 'https://orders.example.com'
const STOCK = 'https://stock.example.com'

const isoOf = ({ clock }: TestApp) => new Date(clock()).toISOString()

/** What a client asks for a token with, and what came of it. */
async function ask({ browser }: TestApp, id: string, secret: string, fields: Record<string, string> = {}) {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: id,
    client_secret: secret,
    ...fields
  })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return browser({}).post('/oauth/token', form.toString(), headers)
}

/** A client that an administrator has just made. Throws an Error where it was refused. */
async function make(administrator: Browser, scope: string, more: object = {}): Promise<Answer['body']> {
  const { status, body, text } = await administrator.post('/admin/clients', { name: 'robot', scope, ...more })
  if (status !== 201) throw new Error(`no client: ${text}`)
  return body
}

/** Somebody who administers by a machine's bearer token. */
async function machineWith(service: TestApp, administrator: Browser, scope: string): Promise<Browser> {
  const { id, clientSecret } = await make(administrator, scope)
  const { body, text } = await ask(service, id, clientSecret)
  if (!body.access_token) throw new Error(`no token: ${text}`)
  return service.browser({ authorization: `Bearer ${body.access_token}` })
}

function publicKey(pair: { publicKey: { export(options: { format: 'jwk' }): object } }) {
  return pair.publicKey.export({ format: 'jwk' })
}
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ed25519 = generateKeyPairSync('ed25519')
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })

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

    t.test('a change answers the whole client, and leaves alone what it does not name', async (t) => {
      const { clientSecret, ...before } = await make(root, 'a:b', { audiences: [ORDERS] })
      const key = { ...publicKey(p256), alg: 'ES256' }
      const changes = [
        [{ name: 'renamed' }, { name: 'renamed' }],
        [{ scope: 'd:e c:d' }, { scope: 'c:d d:e' }],
        [{ scope: '' }, { scope: '' }],
        [{ audiences: [STOCK, ORDERS] }, { audiences: [STOCK, ORDERS] }],
        [{ audiences: [] }, { audiences: [ISSUER] }],
        [{ disabled: true }, { disabled: true }],
        [
          { disabled: false, name: 'both' },
          { disabled: false, name: 'both' }
        ],
        [{ jwks: { keys: [publicKey(p256)] } }, { jwks: { keys: [key] } }],
        [{ jwks: { keys: [] } }, { jwks: { keys: [] } }]
      ] as const
      let expected = before
      for (const [change, result] of changes) {
        expected = { ...expected, ...result }
        const { status, body } = await root.patch(`/admin/clients/${before.id}`, change)
        t.equal(status, 200)
        t.strictSame(body, expected)
        t.strictSame((await root.get(`/admin/clients/${before.id}`)).body, expected)
      }
      t.match(clientSecret, SECRET)
    })

    t.test('a client that was deleted is gone, its secrets with it', async (t) => {
      const { id, clientSecret } = await make(root, 'a:b')
      const deleted = await root.delete(`/admin/clients/${id}`)
      t.strictSame([deleted.status, deleted.text], [204, ''])
      for (const answer of [
        await root.get(`/admin/clients/${id}`),
        await root.patch(`/admin/clients/${id}`, { name: 'x' }),
        await root.post(`/admin/clients/${id}/secrets`, {}),
        await root.delete(`/admin/clients/${id}`)
      ]) {
        t.strictSame(refusalOf(answer), refusal(404, 'not_found'))
      }
      t.equal((await ask(service, id, clientSecret)).status, 401)
    })

    t.test('what is not there is 404, whatever its id looks like', async (t) => {
      const { id, secrets } = await make(root, 'a:b')
      const other = await make(root, 'a:b')
      const secretOfOther = `/admin/clients/${id}/secrets/${other.secrets[0].id}`
      for (const answer of [
        await root.get(NOWHERE),
        await root.patch(NOWHERE, { name: 'x' }),
        await root.delete(NOWHERE),
        await root.post(`${NOWHERE}/secrets`, {}),
        await root.delete(`${NOWHERE}/secrets/${secrets[0].id}`),
        await root.get('/admin/clients/x'),
        await root.delete(`/admin/clients/${id}/secrets/x`),
        await root.delete(secretOfOther)
      ]) {
        t.strictSame(refusalOf(answer), refusal(404, 'not_found'))
      }
      t.equal((await ask(service, other.id, other.clientSecret)).status, 200, 'it serves on')
      t.equal((await root.get('/admin/clients/%00')).status, 400)
    })

    t.test(
      'a second secret serves beside the first, a third is refused until one is withdrawn',
      async (t) => {
        const { id, clientSecret: first, secrets } = await make(root, 'a:b')
        const url = `/admin/clients/${id}/secrets`
        service.clock.advance(MINUTE)
        const made = await root.post(url, {})
        t.equal(made.status, 201)
        t.equal(made.headers['cache-control'], 'no-store')
        const { clientSecret: second, ...record } = made.body
        t.match(second, SECRET)
        t.match(record.id, UUID)
        t.strictSame(record, {
          id: record.id,
          createdAt: isoOf(service),
          expiresAt: null,
          lastUsedAt: null
        })
        t.strictSame((await root.get(`/admin/clients/${id}`)).body.secrets, [secrets[0], record])
        for (const secret of [first, second]) t.equal((await ask(service, id, secret)).status, 200)

        t.strictSame(refusalOf(await root.post(url, {})), refusal(409, 'too_many_secrets'))
        const withdrawn = await root.delete(`${url}/${secrets[0].id}`)
        t.strictSame([withdrawn.status, withdrawn.text], [204, ''])
        t.strictSame(refusalOf(await root.delete(`${url}/${secrets[0].id}`)), refusal(404, 'not_found'))
        t.equal((await root.post(url, {})).status, 201)
        t.equal((await root.get(`/admin/clients/${id}`)).body.secrets.length, 2)
      }
    )

    t.test('of parallel tries to add a secret one finds the place', async (t) => {
      for (let round = 0; round < 5; round += 1) {
        const { id } = await make(root, 'a:b')
        const tries = Array.from({ length: 6 }, () => root.post(`/admin/clients/${id}/secrets`, {}))
        const statuses = (await Promise.all(tries)).map(({ status }) => status)
        t.strictSame(statuses.sort(), [201, 409, 409, 409, 409, 409])
        t.equal((await root.get(`/admin/clients/${id}`)).body.secrets.length, 2)
      }
    })

    t.test('a secret that has expired opens nothing and takes no place', async (t) => {
      const { id } = await make(root, 'a:b')
      const expiresAt = new Date(service.clock() + MINUTE).toISOString()
      const made = await root.post(`/admin/clients/${id}/secrets`, { expiresAt })
      t.match(made, { status: 201, body: { expiresAt } })
      const { clientSecret } = made.body
      service.clock.advance(MINUTE - 1)
      t.equal((await ask(service, id, clientSecret)).status, 200)
      t.equal((await root.post(`/admin/clients/${id}/secrets`, {})).status, 409)
      service.clock.advance(1)
      t.equal((await ask(service, id, clientSecret)).status, 401, 'to the millisecond')
      t.equal((await root.post(`/admin/clients/${id}/secrets`, {})).status, 201)
      t.equal((await root.post(`/admin/clients/${id}/secrets`, {})).status, 409)
    })

    t.test('no hash is ever in an answer, nor in the audit trail', async (t) => {
      const { id, clientSecret } = await make(root, 'a:b')
      const added = await root.post(`/admin/clients/${id}/secrets`, {})
      const stored = (await service.app.store.clients.find(id))?.secrets.map(({ hash }) => hash) ?? []
      t.equal(stored.length, 2)
      const answers = [
        added,
        await root.get(`/admin/clients/${id}`),
        await root.get('/admin/clients?limit=200'),
        await root.patch(`/admin/clients/${id}`, { name: 'again' }),
        await root.get('/admin/audit?limit=200')
      ]
      for (const { text } of answers) {
        t.notMatch(text, /hash/i)
        for (const hash of stored) t.notOk(text.includes(hash))
        t.notOk(text.includes(clientSecret))
      }
      for (const { text } of answers.slice(1)) t.notOk(text.includes(added.body.clientSecret))
    })

    t.test('what is done is in the audit trail, with whom it was done to and by whom', async (t) => {
      const { id } = await make(root, 'b:c a:b')
      const { id: secretId } = (await root.post(`/admin/clients/${id}/secrets`, {})).body
      await root.delete(`/admin/clients/${id}/secrets/${secretId}`)
      await root.patch(`/admin/clients/${id}`, { name: 'x', disabled: true })
      await root.delete(`/admin/clients/${id}`)
      const { items } = (await root.get('/admin/audit?limit=5')).body
      const events = items.map(({ type, actorId, userId, ip, detail }: Record<string, unknown>) => ({
        type,
        actorId,
        userId,
        ip,
        detail
      }))
      const by = { actorId: await idOf(root), userId: null, ip: '127.0.0.1' }
      t.strictSame(events, [
        { type: 'client.deleted', ...by, detail: { clientId: id } },
        {
          type: 'client.changed',
          ...by,
          detail: { clientId: id, changed: ['name', 'disabled'], scope: ['a:b', 'b:c'], disabled: true }
        },
        { type: 'client.secret_deleted', ...by, detail: { clientId: id, secretId } },
        { type: 'client.secret_created', ...by, detail: { clientId: id, secretId } },
        { type: 'client.created', ...by, detail: { clientId: id, scope: ['a:b', 'b:c'] } }
      ])
    })

    t.test('an end that is no moment is refused, not taken for none', async (t) => {
      for (const expiresAt of ['', 'tomorrow', '2026-11-23', '2026-13-01T00:00:00Z', null, 0]) {
        const { id } = await make(root, 'a:b')
        const answer = await root.post(`/admin/clients/${id}/secrets`, { expiresAt })
        t.match(answer, {
          status: 400,
          body: { code: 'invalid_request', errors: [{ pointer: '/expiresAt' }] }
        })
      }
    })

    t.test('a second secret needs no body', async (t) => {
      const { id } = await make(root, 'a:b')
      t.equal((await root.post(`/admin/clients/${id}/secrets`)).status, 201)
    })

    t.test('a leap second is refused as an end, or kept as one', async (t) => {
      const { id } = await make(root, 'a:b')
      const answer = await root.post(`/admin/clients/${id}/secrets`, { expiresAt: '2030-12-31T23:59:60Z' })
      t.ok(answer.status === 400 || answer.body.expiresAt !== null, `${answer.status} ${answer.text}`)
      t.ok(answer.status < 500)
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

t.test('who may administer clients', async (t) => {
  const service = await build(t)
  const root = await service.setUp()
  const { id, secrets } = await make(root, 'a:b')
  const secretId = secrets[0].id

  const reads = (window: Browser) => [window.get('/admin/clients'), window.get(`/admin/clients/${id}`)]
  const writes = (window: Browser) => [
    window.post('/admin/clients', { name: 'x', scope: '' }),
    window.patch(`/admin/clients/${id}`, { name: 'x' }),
    window.post(`/admin/clients/${id}/secrets`, {}),
    window.delete(`/admin/clients/${id}/secrets/${secretId}`),
    window.delete(`/admin/clients/${id}`)
  ]
  const before = (await root.get('/admin/clients')).body

  t.test(
    'reading takes clients:read, changing clients:write, and neither is enough for the other',
    async (t) => {
      const reader = await delegate(service, root, 'reader', 'clients:read')
      const writer = await delegate(service, root, 'writer', 'clients:write')
      const nobody = await service.signUp()
      for (const answer of await Promise.all(reads(reader))) t.equal(answer.status, 200)
      for (const each of [...writes(reader), ...reads(writer), ...reads(nobody), ...writes(nobody)])
        t.strictSame(refusalOf(await each), refusal(403, 'forbidden'))
      for (const each of [...reads(service.browser()), ...writes(service.browser())])
        t.strictSame(refusalOf(await each), refusal(401, 'unauthorized'))
      t.strictSame((await root.get('/admin/clients')).body, before)
    }
  )

  t.test('a person needs a recent sign-in to change, and none to read', async (t) => {
    service.clock.advance(11 * MINUTE)
    await root.post('/auth/refresh')
    for (const answer of await Promise.all(reads(root))) t.equal(answer.status, 200)
    for (const each of writes(root))
      t.strictSame(refusalOf(await each), refusal(401, 'reauthentication_required'))
    t.strictSame((await root.get('/admin/clients')).body, before)
    t.equal((await root.post('/auth/reauthenticate', { password })).status, 200)
    t.equal((await root.post('/admin/clients', { name: 'x', scope: '' })).status, 201)
  })

  t.test(
    'a person who lacks a management scope hands it out to no client, and touches none that has it',
    async (t) => {
      const clerk = await delegate(service, root, 'clerk', 'clients:read clients:write')
      const strong = await make(root, 'users:write a:b')
      const weak = await make(root, 'a:b')
      const { secrets: kept } = strong
      const changes = [
        clerk.post('/admin/clients', { name: 'x', scope: 'users:write' }),
        clerk.post('/admin/clients', { name: 'x', scope: 'a:b clients:read tokens:introspect' }),
        clerk.patch(`/admin/clients/${weak.id}`, { scope: 'revocations:read' }),
        clerk.patch(`/admin/clients/${strong.id}`, { name: 'x' }),
        clerk.patch(`/admin/clients/${strong.id}`, { scope: '' }),
        clerk.patch(`/admin/clients/${strong.id}`, { jwks: { keys: [publicKey(p256)] } }),
        clerk.post(`/admin/clients/${strong.id}/secrets`, {}),
        clerk.delete(`/admin/clients/${strong.id}/secrets/${kept[0].id}`),
        clerk.delete(`/admin/clients/${strong.id}`)
      ]
      for (const each of changes) t.strictSame(refusalOf(await each), refusal(403, 'forbidden'))
      const { clientSecret, ...view } = strong
      t.strictSame((await clerk.get(`/admin/clients/${strong.id}`)).body, view)
      t.equal((await ask(service, strong.id, clientSecret)).status, 200)
      t.equal(
        (await clerk.patch(`/admin/clients/${weak.id}`, { scope: 'clients:write any:thing' })).status,
        200
      )
      t.equal((await clerk.delete(`/admin/clients/${weak.id}`)).status, 204)
    }
  )
})

t.test('a machine that administers by its bearer token', async (t) => {
  const service = await build(t)
  const root = await service.setUp()
  const robot = await machineWith(service, root, 'clients:read clients:write users:read')

  t.test('makes, reads, changes and deletes clients, without a sign-in ever', async (t) => {
    const { status, body } = await robot.post('/admin/clients', { name: 'made', scope: 'users:read a:b' })
    t.equal(status, 201)
    const url = `/admin/clients/${body.id}`
    t.equal((await robot.get(url)).status, 200)
    t.equal((await robot.patch(url, { scope: 'a:b' })).status, 200)
    t.equal((await robot.post(`${url}/secrets`, {})).status, 201)
    t.equal((await robot.delete(`${url}/secrets/${body.secrets[0].id}`)).status, 204)
    t.equal((await robot.delete(url)).status, 204)
  })

  t.test('reads people, and changes none', async (t) => {
    await hire(root, 'ann@example.com')
    const { status, body } = await robot.get('/admin/users')
    t.equal(status, 200)
    t.ok(body.items.some(({ email }: { email: string }) => email === 'ann@example.com'))
    const created = await robot.post('/admin/users', { email: 'x@example.com', password })
    t.strictSame(refusalOf(created), refusal(403, 'forbidden'))
  })

  t.test('hands out no management scope that it lacks, and touches nobody who has one', async (t) => {
    const strong = await make(root, 'keys:write')
    const own = await make(root, 'a:b')
    for (const each of [
      robot.post('/admin/clients', { name: 'x', scope: 'users:write' }),
      robot.patch(`/admin/clients/${own.id}`, { scope: 'keys:read' }),
      robot.patch(`/admin/clients/${strong.id}`, { disabled: true }),
      robot.post(`/admin/clients/${strong.id}/secrets`, {}),
      robot.delete(`/admin/clients/${strong.id}/secrets/${strong.secrets[0].id}`),
      robot.delete(`/admin/clients/${strong.id}`)
    ]) {
      t.strictSame(refusalOf(await each), refusal(403, 'forbidden'))
    }
    t.equal((await ask(service, strong.id, strong.clientSecret)).status, 200)
  })

  t.test('does no more than its token says, though the client may', async (t) => {
    const { id, clientSecret } = await make(root, 'clients:read clients:write')
    const { body } = await ask(service, id, clientSecret, { scope: 'clients:read' })
    const narrow = service.browser({ authorization: `Bearer ${body.access_token}` })
    t.equal((await narrow.get('/admin/clients')).status, 200)
    const refused = await narrow.post('/admin/clients', { name: 'x', scope: '' })
    t.strictSame(refusalOf(refused), refusal(403, 'forbidden'))
  })

  t.test('is named in the audit trail by its client_id', async (t) => {
    const { id: clientId, clientSecret } = await make(root, 'clients:write')
    const { body: issued } = await ask(service, clientId, clientSecret)
    const machine = service.browser({ authorization: `Bearer ${issued.access_token}` })
    const { body } = await machine.post('/admin/clients', { name: 'x', scope: 'a:b' })
    const [event] = (await root.get('/admin/audit?limit=1')).body.items
    t.match(event, { type: 'client.created', actorId: clientId, userId: null })
    t.strictSame(event.detail, { clientId: body.id, scope: ['a:b'] })
  })

  t.test('with a token for another audience administers nothing', async (t) => {
    const { id, clientSecret } = await make(root, 'clients:read', { audiences: [ORDERS] })
    const { body } = await ask(service, id, clientSecret)
    const stray = service.browser({ authorization: `Bearer ${body.access_token}` })
    t.strictSame(refusalOf(await stray.get('/admin/clients')), refusal(401, 'unauthorized'))
  })
})

t.test('a secret that has expired when it is made serves nobody and takes no place', async (t) => {
  const service = await build(t)
  const root = await service.setUp()
  const { id } = await make(root, 'a:b')
  const expiresAt = new Date(service.clock() - 1).toISOString()
  const { status, body } = await root.post(`/admin/clients/${id}/secrets`, { expiresAt })
  if (status === 201) t.equal((await ask(service, id, body.clientSecret)).status, 401)
  else t.equal(status, 400)
  t.equal((await root.post(`/admin/clients/${id}/secrets`, {})).status, 201)
})
