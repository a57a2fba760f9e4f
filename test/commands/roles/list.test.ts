import t from 'tap'
import { MANAGEMENT_SCOPE } from '../../../domain/roles/scopes.ts'
import { build } from '../../harness/build.ts'
import { perform } from '../../harness/command.ts'

t.test('roles list shows all roles, for people and for programs', async (t) => {
  const service = await build(t)
  const root = await service.setUp()
  await perform(service.env, 'roles set', { scope: 'b:c a:b', description: 'Edits' }, ['editor'])
  const { text, json } = await perform(service.env, 'roles list')
  t.strictSame(json, (await root.get('/admin/roles')).body.items)
  const [admin, editor, user] = text.split('\n')
  t.equal(admin, `admin   Administrators: may do everything in Gatehouse  ${MANAGEMENT_SCOPE.join(' ')}`)
  t.match(editor, /^editor {2}Edits {2,}a:b b:c$/)
  t.match(user, /^user {4}Everybody {2,}\(no scope\)$/)
})

t.test('roles list reads more than a page of roles', async (t) => {
  const { app, env } = await build(t)
  for (let n = 0; n < 250; n += 1) await app.store.roles.insert({ name: `r${n}`, description: '', scope: [] })
  t.equal(((await perform(env, 'roles list')).json as unknown[]).length, 252)
})
