import t from 'tap'
import { operator } from '../../../commands/operator.ts'
import { build } from '../../harness/build.ts'
import { gatehouse, perform } from '../../harness/command.ts'
import { engines } from '../../harness/engines.ts'

for (const engine of engines) {
  t.test(`beside a running service on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const { env } = service

    t.test('roles set creates and changes a role, and makes tokens stale in the service', async (t) => {
      const created = await perform(env, 'roles set', { scope: 'b:c a:b', description: 'Edits' }, ['editor'])
      t.strictSame(created.json, {
        name: 'editor',
        description: 'Edits',
        scope: ['a:b', 'b:c'],
        done: 'created'
      })
      const window = await service.signUp('bob@example.com')
      const { id } = (await window.get('/auth/me')).body.user
      await service.app.accounts.administration.changeUser(id, { roles: ['editor'] }, operator)
      await window.post('/auth/refresh')
      t.equal((await window.get('/auth/me')).body.scope, 'a:b b:c')

      const changed = await gatehouse(['roles', 'set', 'editor', '--scope', 'd:e'], env)
      t.equal(changed.stdout, 'Role editor changed: d:e\n')
      await service.app.revocations.poll()
      t.match(await window.get('/auth/me'), { status: 401, body: { code: 'token_stale' } })
      t.equal((await window.post('/auth/refresh')).status, 200)
      t.equal((await window.get('/auth/me')).body.scope, 'd:e')
    })

    t.test('roles set takes an empty scope, and refuses to change admin', async (t) => {
      t.match((await perform(env, 'roles set', { scope: '' }, ['editor'])).json, { scope: [] })
      await t.rejects(perform(env, 'roles set', { scope: 'a:b' }, ['admin']), { code: 'role_built_in' })
    })

    t.test('what the operator did is in the audit trail as the operator’s', async (t) => {
      const events = await service.app.store.audit.list({ limit: 50, actorId: 'operator' })
      t.strictSame([...new Set(events.map(({ type }) => type))].sort(), [
        'role.changed',
        'role.created',
        'user.roles_changed'
      ])
    })
  })
}
