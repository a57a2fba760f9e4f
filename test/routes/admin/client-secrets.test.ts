import t from 'tap'
import { MINUTE } from '../../../domain/clock.ts'
import { build } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'
import { ask, isoOf, make, SECRET, UUID } from './machines.ts'

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const root = await service.setUp()

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
