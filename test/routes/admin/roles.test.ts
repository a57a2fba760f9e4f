import t from 'tap'
import { build } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { delegate, hire, idOf, readPages, signIn } from './people.ts'

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const root = await service.setUp()

    t.test('the built-in roles are there from the start, admin with every management scope', async (t) => {
      const { status, body } = await root.get('/admin/roles')
      t.equal(status, 200)
      t.strictSame(body, {
        items: [
          {
            name: 'admin',
            description: 'Administrators: may do everything in Gatehouse',
            scope:
              'audit:read clients:read clients:write keys:read keys:write revocations:read roles:assign roles:read roles:write tokens:introspect users:read users:write',
            builtIn: true
          },
          { name: 'user', description: 'Everybody', scope: '', builtIn: true }
        ],
        nextCursor: null
      })
    })

    t.test('a role is created, read, changed and deleted', async (t) => {
      const created = await root.post('/admin/roles', {
        name: 'editor',
        scope: 'b:c a:b a:b',
        description: 'Edits'
      })
      const editor = { name: 'editor', description: 'Edits', scope: 'a:b b:c', builtIn: false }
      t.equal(created.status, 201)
      t.strictSame(created.body, editor)
      t.strictSame((await root.get('/admin/roles/editor')).body, editor)
      const changed = await root.put('/admin/roles/editor', { description: '', scope: '' })
      t.equal(changed.status, 200)
      t.strictSame(changed.body, { ...editor, description: '', scope: '' })
      t.equal((await root.delete('/admin/roles/editor')).status, 204)
      for (const answer of [
        await root.get('/admin/roles/editor'),
        await root.put('/admin/roles/editor', { scope: '' }),
        await root.delete('/admin/roles/editor')
      ]) {
        t.match(answer, { status: 404, body: { code: 'not_found' } })
      }
    })

    t.test('a name that is taken answers 409, whoever asks at the same moment', async (t) => {
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => root.post('/admin/roles', { name: 'once', scope: '' }))
      )
      const statuses = answers.map(({ status }) => status).sort()
      t.strictSame(statuses, [201, ...Array.from({ length: 9 }, () => 409)])
      t.match(await root.post('/admin/roles', { name: 'user', scope: '' }), {
        status: 409,
        body: { code: 'role_exists' }
      })
      t.equal((await root.delete('/admin/roles/once')).status, 204)
    })

    t.test('the list is read by its cursor to the end', async (t) => {
      for (const name of ['b', 'a.b', 'a-b', 'ab', 'a_b', 'a:b', 'z'])
        await root.post('/admin/roles', { name, scope: '' })
      const whole = (await root.get('/admin/roles')).body.items
      t.equal(whole.length, 9)
      for (const limit of [1, 2, 9]) {
        const pages = await readPages(root, '/admin/roles', limit)
        t.strictSame(pages.flat(), whole)
        t.equal(pages.length, Math.ceil(9 / limit))
      }
    })

    t.test('a change of `user` reaches everybody, the caller too', async (t) => {
      await hire(root, 'ann@example.com')
      const ann = await signIn(service, 'ann@example.com')
      t.equal((await root.put('/admin/roles/user', { scope: 'news:read' })).status, 200)
      for (const window of [ann, root]) {
        t.match(await window.get('/auth/me'), { status: 401, body: { code: 'token_stale' } })
        t.equal((await window.post('/auth/refresh')).status, 200)
        t.match((await window.get('/auth/me')).body.scope, /(^| )news:read( |$)/)
      }
    })

    t.test('a change of a role reaches those who hold it and nobody else', async (t) => {
      await root.post('/admin/roles', { name: 'writer', scope: 'a:b' })
      await hire(root, 'holder@example.com', ['writer'])
      await hire(root, 'other@example.com')
      const holder = await signIn(service, 'holder@example.com')
      const other = await signIn(service, 'other@example.com')
      t.equal((await root.put('/admin/roles/writer', { scope: 'c:d' })).status, 200)
      t.match(await holder.get('/auth/me'), { status: 401, body: { code: 'token_stale' } })
      t.equal((await other.get('/auth/me')).status, 200)
      await holder.post('/auth/refresh')
      t.match((await holder.get('/auth/me')).body, { roles: ['user', 'writer'], scope: /(^| )c:d( |$)/ })

      t.equal((await root.delete('/admin/roles/writer')).status, 204)
      t.match(await holder.get('/auth/me'), { status: 401, body: { code: 'token_stale' } })
      await holder.post('/auth/refresh')
      t.strictSame((await holder.get('/auth/me')).body.roles, ['user'])
    })

    t.test('changes of roles with the same holders at the same moment are all done', async (t) => {
      const names = ['p', 'q', 'r', 's']
      for (const name of names) await root.post('/admin/roles', { name, scope: '' })
      for (let holder = 0; holder < 5; holder += 1) await hire(root, `pq${holder}@example.com`, names)
      for (let round = 0; round < 10; round += 1) {
        const answers = await Promise.all(
          names.map((name) => root.put(`/admin/roles/${name}`, { scope: `r:${round}` }))
        )
        t.strictSame(
          answers.map(({ status }) => status),
          [200, 200, 200, 200]
        )
      }
    })
  })
}

t.test('rules of roles', async (t) => {
  const service = await build(t)
  const root = await service.setUp()

  t.test('built-in roles keep their place: admin is not changed, neither is deleted', async (t) => {
    for (const answer of [
      await root.put('/admin/roles/admin', { scope: '' }),
      await root.delete('/admin/roles/admin'),
      await root.delete('/admin/roles/user')
    ]) {
      t.match(answer, { status: 409, body: { code: 'role_built_in' } })
    }
    t.equal((await root.get('/auth/me')).status, 200)
  })

  t.test('a name or a scope that is not well-formed is refused with 400', async (t) => {
    for (const role of [
      { name: 'Editor', scope: '' },
      { name: '1editor', scope: '' },
      { name: 'a'.repeat(65), scope: '' },
      { name: 'with space', scope: '' },
      { name: 'editor', scope: 'a  b' },
      { name: 'editor', scope: ' a' },
      { name: 'editor', scope: 'a"b' },
      { name: 'editor', scope: 'a\\b' },
      { name: 'editor', scope: 'é' },
      { name: 'editor', scope: 'a\nb' },
      { name: 'editor', scope: ['a:b'] },
      { name: 'editor' },
      { name: 'editor', scope: '', builtIn: true },
      { name: 'editor', scope: '', description: 'd'.repeat(201) }
    ]) {
      const { status, body } = await root.post('/admin/roles', role)
      t.equal(status, 400, JSON.stringify(role).slice(0, 80))
      t.equal(body.code, 'invalid_request')
      t.ok(body.errors.length > 0)
    }
    t.equal((await root.get('/admin/roles/editor')).status, 404)
  })

  t.test('nobody creates or widens a role by a management scope that they lack', async (t) => {
    const steward = await delegate(service, root, 'steward', 'orders:read roles:read roles:write')
    for (const answer of [
      await steward.post('/admin/roles', { name: 'shadow', scope: 'users:write' }),
      await steward.put('/admin/roles/steward', { scope: 'orders:read roles:read roles:write users:write' }),
      await steward.put('/admin/roles/user', { scope: 'audit:read' })
    ]) {
      t.match(answer, { status: 403, body: { code: 'forbidden' } })
    }
    t.match(await steward.get('/auth/me'), {
      status: 200,
      body: { scope: 'orders:read roles:read roles:write' }
    })
    t.equal((await steward.post('/admin/roles', { name: 'plain', scope: 'orders:read' })).status, 201)
  })

  t.test('nobody narrows or deletes a role whose management scopes they lack', async (t) => {
    const keeper = await delegate(service, root, 'keeper', 'roles:write')
    await root.post('/admin/roles', { name: 'auditor', scope: 'audit:read' })
    t.equal((await keeper.put('/admin/roles/auditor', { scope: '' })).status, 403)
    t.equal((await keeper.delete('/admin/roles/auditor')).status, 403)
    t.equal((await root.get('/admin/roles/auditor')).body.scope, 'audit:read')
  })

  t.test('nobody hands out a role whose management scopes they lack', async (t) => {
    const clerk = await delegate(service, root, 'clerk', 'users:read users:write')
    await root.post('/admin/roles', { name: 'reviewer', scope: 'audit:read' })
    const id = await hire(root, 'ann@example.com')
    t.equal((await clerk.patch(`/admin/users/${id}`, { roles: ['reviewer'] })).status, 403)
    t.equal(
      (await clerk.patch(`/admin/users/${await idOf(clerk)}`, { roles: ['clerk', 'reviewer'] })).status,
      403
    )
    t.equal((await clerk.patch(`/admin/users/${id}`, { roles: ['clerk'] })).status, 200)
  })
})
