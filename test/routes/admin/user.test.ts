import t from 'tap'
import { build, password } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { delegate, hire, idOf, readPages, signIn } from './people.ts'

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const root = await service.setUp()

    t.test('reading an account answers it, and 404 for one that is not there', async (t) => {
      const id = await hire(root, 'read@example.com')
      const { status, body } = await root.get(`/admin/users/${id}`)
      t.equal(status, 200)
      t.match(body, { id, email: 'read@example.com', roles: ['user'], disabled: false })
      for (const unknown of ['01890000-0000-7000-8000-000000000000', 'nobody', "'"]) {
        const missing = await root.get(`/admin/users/${unknown}`)
        t.equal(missing.status, 404, unknown)
        t.equal(missing.body.code, 'not_found')
      }
    })

    t.test('disabling ends all sessions at once, and enabling revives none', async (t) => {
      const id = await hire(root, 'off@example.com')
      const [one, two] = [await signIn(service, 'off@example.com'), await signIn(service, 'off@example.com')]
      const disabled = await root.patch(`/admin/users/${id}`, { disabled: true })
      t.equal(disabled.status, 200)
      t.equal(disabled.body.disabled, true)
      for (const window of [one, two]) {
        t.match(await window.get('/auth/me'), { status: 401, body: { code: 'unauthorized' } })
        t.match(await window.post('/auth/refresh'), { status: 401, body: { code: 'invalid_session' } })
      }
      const refused = await service.browser().post('/auth/login', { email: 'off@example.com', password })
      t.match(refused, { status: 401, body: { code: 'invalid_credentials' } })

      t.equal((await root.patch(`/admin/users/${id}`, { disabled: false })).status, 200)
      for (const window of [one, two]) {
        t.match(await window.get('/auth/me'), { status: 401, body: { code: 'unauthorized' } })
        t.match(await window.post('/auth/refresh'), { status: 401, body: { code: 'invalid_session' } })
      }
      t.equal((await (await signIn(service, 'off@example.com')).get('/auth/me')).status, 200)
    })

    t.test('a sign-in beside a disabling never leaves a live session', async (t) => {
      for (let round = 0; round < 20; round += 1) {
        const email = `beside${round}@example.com`
        const id = await hire(root, email)
        const window = service.browser()
        const [login] = await Promise.all([
          window.post('/auth/login', { email, password }),
          root.patch(`/admin/users/${id}`, { disabled: true })
        ])
        t.ok([200, 401].includes(login.status), `login ${login.status}`)
        t.equal((await window.get('/auth/me')).status, 401)
        t.equal((await window.post('/auth/refresh')).status, 401)
        t.strictSame((await root.get(`/admin/users/${id}/sessions`)).body.items, [])
      }
    })

    t.test(
      'a role change makes the old access token stale, and a refresh carries the new roles',
      async (t) => {
        await root.post('/admin/roles', { name: 'editor', scope: 'posts:write posts:read' })
        const id = await hire(root, 'editor@example.com')
        const window = await signIn(service, 'editor@example.com')
        const { body } = await root.patch(`/admin/users/${id}`, { roles: ['editor'] })
        t.strictSame(body.roles, ['editor', 'user'])
        t.match(await window.get('/auth/me'), { status: 401, body: { code: 'token_stale' } })
        t.equal((await window.post('/auth/refresh')).status, 200)
        t.match((await window.get('/auth/me')).body, {
          roles: ['editor', 'user'],
          scope: 'posts:read posts:write'
        })

        t.strictSame((await root.patch(`/admin/users/${id}`, { roles: [] })).body.roles, ['user'])
        t.match(await window.get('/auth/me'), { status: 401, body: { code: 'token_stale' } })
        t.equal((await window.post('/auth/refresh')).status, 200)
        t.match((await window.get('/auth/me')).body, { roles: ['user'], scope: '' })
      }
    )

    t.test('deleting an account ends its sessions and frees its address', async (t) => {
      const id = await hire(root, 'gone@example.com')
      const window = await signIn(service, 'gone@example.com')
      t.equal((await root.delete(`/admin/users/${id}`)).status, 204)
      t.match(await window.get('/auth/me'), { status: 401, body: { code: 'unauthorized' } })
      t.match(await window.post('/auth/refresh'), { status: 401, body: { code: 'invalid_session' } })
      t.equal((await root.get(`/admin/users/${id}`)).status, 404)
      t.match(await root.delete(`/admin/users/${id}`), { status: 404, body: { code: 'not_found' } })
      t.not(await hire(root, 'gone@example.com'), id)
    })

    t.test('the sessions of a user are listed page by page and ended together', async (t) => {
      const id = await hire(root, 'many@example.com')
      const windows = [
        await signIn(service, 'many@example.com'),
        await signIn(service, 'many@example.com'),
        await signIn(service, 'many@example.com')
      ]
      const pages = await readPages(root, `/admin/users/${id}/sessions`, 2)
      t.strictSame(
        pages.map(({ length }) => length),
        [2, 1]
      )
      t.match(pages.flat()[0], { ip: '127.0.0.1', current: false })
      t.equal((await root.delete(`/admin/users/${id}/sessions`)).status, 204)
      for (const window of windows) {
        t.equal((await window.get('/auth/me')).status, 401)
        t.equal((await window.post('/auth/refresh')).status, 401)
      }
      t.strictSame((await root.get(`/admin/users/${id}/sessions`)).body, { items: [], nextCursor: null })
      t.equal((await root.get('/admin/users/nobody/sessions')).status, 404)
      t.equal((await root.delete('/admin/users/nobody/sessions')).status, 404)
    })

    t.test(
      'assigning a role beside its deletion is refused or done, never an error of the server',
      async (t) => {
        const id = await hire(root, 'fleeting@example.com')
        for (let round = 0; round < 20; round += 1) {
          const name = `fleeting${round}`
          await root.post('/admin/roles', { name, scope: 'a:b' })
          const [assigned, deleted] = await Promise.all([
            root.patch(`/admin/users/${id}`, { roles: [name] }),
            root.delete(`/admin/roles/${name}`)
          ])
          t.ok([200, 422].includes(assigned.status), `PATCH ${assigned.status}`)
          t.equal(deleted.status, 204)
          t.strictSame((await root.get(`/admin/users/${id}`)).body.roles, ['user'])
        }
      }
    )
  })
}

t.test('changing an account', async (t) => {
  const service = await build(t)
  const root = await service.setUp()

  t.test('a role that does not exist answers 422 and changes nothing', async (t) => {
    const id = await hire(root, 'ann@example.com')
    const { status, body } = await root.patch(`/admin/users/${id}`, { name: 'X', roles: ['ghost'] })
    t.equal(status, 422)
    t.equal(body.code, 'unknown_role')
    t.strictSame(body.errors, [{ pointer: '/roles', code: 'unknown', detail: 'There is no role ghost.' }])
    t.match((await root.get(`/admin/users/${id}`)).body, { name: null, roles: ['user'] })
  })

  t.test('the name alone is changed by a name alone, and taken away by null', async (t) => {
    const id = await hire(root, 'bea@example.com')
    t.match((await root.patch(`/admin/users/${id}`, { name: 'Bea' })).body, { name: 'Bea', roles: ['user'] })
    t.equal((await root.patch(`/admin/users/${id}`, { name: null })).body.name, null)
  })

  t.test(
    'no field, an unknown field, a wrong type and a role named twice are refused with 400',
    async (t) => {
      const id = await hire(root, 'cy@example.com')
      for (const change of [
        {},
        { email: 'new@example.com' },
        { disabled: 'true' },
        { disabled: null },
        { roles: 'admin' },
        { roles: ['user', 'user'] },
        { name: '' },
        { name: 'a\u0000b' },
        []
      ]) {
        const { status, body } = await root.patch(`/admin/users/${id}`, change)
        t.equal(status, 400, JSON.stringify(change))
        t.equal(body.code, 'invalid_request')
      }
    }
  )

  t.test('a link for a new password ends all sessions when used, and replaces the link before', async (t) => {
    const id = await hire(root, 'dee@example.com')
    const window = await signIn(service, 'dee@example.com')
    const earlier = await root.post(`/admin/users/${id}/password-reset`)
    const { status, body } = await root.post(`/admin/users/${id}/password-reset`)
    t.equal(status, 201)
    t.strictSame(Object.keys(body).sort(), ['expiresAt', 'token', 'url'])
    t.equal((await window.get('/auth/me')).status, 200, 'nothing ends before it is used')

    const chosen = 'another battery staple horse'
    const old = await service
      .browser()
      .post('/auth/password/reset', { token: earlier.body.token, password: chosen })
    t.match(old, { status: 400, body: { code: 'invalid_token' } })
    const reset = await service
      .browser()
      .post('/auth/password/reset', { token: body.token, password: chosen })
    t.equal(reset.status, 204)
    t.equal((await window.get('/auth/me')).status, 401)
    t.equal((await window.post('/auth/refresh')).status, 401)
    const login = (secret: string) =>
      service.browser().post('/auth/login', { email: 'dee@example.com', password: secret })
    t.equal((await login(password)).status, 401)
    t.equal((await login(chosen)).status, 200)
    t.equal((await root.post('/admin/users/nobody/password-reset')).status, 404)
  })

  t.test('a link made before somebody became an administrator is worth nothing afterwards', async (t) => {
    const helper = await delegate(service, root, 'helper', 'users:read users:write')
    const id = await hire(root, 'rising@example.com')
    const { body } = await helper.post(`/admin/users/${id}/password-reset`)
    t.equal((await root.patch(`/admin/users/${id}`, { roles: ['admin'] })).status, 200)
    const stolen = { token: body.token, password: 'another battery staple horse' }
    t.match(await service.browser().post('/auth/password/reset', stolen), {
      status: 400,
      body: { code: 'invalid_token' }
    })
  })

  t.test('somebody without admin can neither grant admin nor touch an administrator', async (t) => {
    const clerk = await delegate(service, root, 'clerk', 'users:read users:write')
    const me = await idOf(clerk)
    const rootId = await idOf(root)
    const attempts = [
      await clerk.patch(`/admin/users/${me}`, { roles: ['clerk', 'admin'] }),
      await clerk.patch(`/admin/users/${rootId}`, { name: 'Owned' }),
      await clerk.patch(`/admin/users/${rootId}`, { disabled: true }),
      await clerk.patch(`/admin/users/${rootId}`, { roles: [] }),
      await clerk.delete(`/admin/users/${rootId}`),
      await clerk.delete(`/admin/users/${rootId}/sessions`),
      await clerk.post(`/admin/users/${rootId}/password-reset`)
    ]
    for (const { status, body } of attempts) {
      t.equal(status, 403)
      t.equal(body.code, 'forbidden')
    }
    t.match(await root.get('/auth/me'), {
      status: 200,
      body: { user: { name: null }, roles: ['admin', 'user'] }
    })
    const id = await hire(clerk, 'plain@example.com')
    t.equal((await clerk.patch(`/admin/users/${id}`, { name: 'Plain' })).status, 200)
    t.equal((await clerk.delete(`/admin/users/${id}`)).status, 204)
  })
})
