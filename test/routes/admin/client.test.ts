import t from 'tap'
import { MINUTE } from '../../../domain/clock.ts'
import type { Browser } from '../../harness/browser.ts'
import { build, password } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'
import { ask, ISSUER, machineWith, make, ORDERS, p256, publicKey, SECRET, STOCK } from './machines.ts'
import { delegate, hire, idOf } from './people.ts'

const NOWHERE = '/admin/clients/01890000-0000-7000-8000-000000000000'

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const root = await service.setUp()

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
  })
}

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
      const clerk = await delegate(service, root, 'clerk', 'clients:read clients:write a:b')
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
      t.equal((await clerk.patch(`/admin/clients/${weak.id}`, { scope: 'clients:write a:b' })).status, 200)
      t.equal((await clerk.delete(`/admin/clients/${weak.id}`)).status, 204)
    }
  )
})

t.test('a machine that administers by its bearer token', async (t) => {
  const service = await build(t)
  const root = await service.setUp()
  const robot = await machineWith(service, root, 'a:b clients:read clients:write users:read')

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
    const created = await robot.post('/admin/users', { email: 'x@example.com' })
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
    const { id: clientId, clientSecret } = await make(root, 'a:b clients:write')
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
