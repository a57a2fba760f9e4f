import t from 'tap'
import { commands } from '../../commands/index.ts'
import { build } from '../harness/build.ts'
import { perform } from '../harness/command.ts'
import { engines } from '../harness/engines.ts'
import { CLIENT_CREDENTIALS, post, register } from '../oauth/machine.ts'

for (const engine of engines) {
  t.test(`beside a running service on ${engine.name}`, { skip: engine.missing }, async (t) => {
    let monotonic = 0
    const service = await build(t, { engine, monotonic: () => monotonic })
    const { app, env } = service
    const root = await service.setUp()
    const machine = await register(service, { name: 'reports', scope: ['a:b', 'users:read'] })
    await register(service, { name: 'bare', scope: [], audiences: ['https://a.example.com', 'urn:b'] })

    const lastEvent = async () => (await app.store.audit.list({ limit: 1, actorId: 'operator' }))[0]
    const askToken = () => post(service, '/oauth/token', CLIENT_CREDENTIALS, machine.basic)
    const bearer = async () => {
      const { access_token: token } = (await askToken()).body
      return service.browser({ authorization: `Bearer ${token}` })
    }

    t.test('clients list shows all clients, for people and for programs, without a secret', async (t) => {
      const { text, json } = await perform(env, 'clients list')
      const { items } = (await root.get('/admin/clients')).body
      t.strictSame(json, items)
      t.equal(
        text,
        [
          `${machine.id}  reports  enabled  for http://localhost:3000        a:b users:read`,
          `${items[1].id}  bare     enabled  for https://a.example.com urn:b  (no scope)`
        ].join('\n')
      )
      t.notOk(JSON.stringify(json).includes(machine.secret))
    })

    t.test('clients disable ends the tokens of a client, and clients enable gives it new ones', async (t) => {
      const holder = await bearer()
      t.equal((await holder.get('/admin/users')).status, 200)
      const disabled = await perform(env, 'clients disable', {}, [machine.id])
      t.equal(disabled.text, 'reports is disabled, and its tokens are revoked.')
      t.strictSame(disabled.json, (await root.get(`/admin/clients/${machine.id}`)).body)
      t.match(await lastEvent(), {
        type: 'client.changed',
        detail: { clientId: machine.id, changed: ['disabled'], disabled: true }
      })
      await app.revocations.poll()
      t.equal((await holder.get('/admin/users')).status, 401)
      t.match(await askToken(), { status: 401, body: { error: 'invalid_client' } })

      const enabled = await perform(env, 'clients enable', {}, [machine.id])
      t.equal(enabled.text, 'reports is enabled.')
      t.match(enabled.json, { id: machine.id, disabled: false })
      // The rights of a client are cached for half a second.
      monotonic += 501
      t.equal((await (await bearer()).get('/admin/users')).status, 200)
    })

    t.test('clients delete removes a client with its tokens', async (t) => {
      const holder = await bearer()
      const deleted = await perform(env, 'clients delete', {}, [machine.id])
      t.equal(deleted.text, 'reports is deleted, and its tokens are revoked.')
      t.match(deleted.json, { id: machine.id, name: 'reports' })
      t.match(await lastEvent(), { type: 'client.deleted', detail: { clientId: machine.id } })
      await app.revocations.poll()
      t.equal((await holder.get('/admin/users')).status, 401)
      t.equal((await root.get(`/admin/clients/${machine.id}`)).status, 404)
    })

    t.test('a client that does not exist is an error of one line', async (t) => {
      const message = `There is no client with the id ${machine.id}`
      for (const { name } of commands.filter(({ name }) => /^clients (disable|enable|delete)$/.test(name)))
        await t.rejects(perform(env, name, {}, [machine.id]), { message }, name)
    })
  })
}
