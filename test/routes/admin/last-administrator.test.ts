import t from 'tap'
import type { Answer, Browser } from '../../harness/browser.ts'
import { build } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { hire, idOf, signIn } from './people.ts'

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const { app } = service
    const first = await service.setUp()
    const firstId = await idOf(first)

    async function emailOfAdministrator(): Promise<string> {
      const everybody = await app.store.users.list({ limit: 200 })
      const administrator = everybody.find(({ roles, disabled }) => roles.includes('admin') && !disabled)
      return administrator?.email ?? ''
    }

    t.test('the last administrator can be neither demoted, disabled nor deleted', async (t) => {
      await hire(first, 'ann@example.com')
      const attempts = [
        await first.patch(`/admin/users/${firstId}`, { roles: [] }),
        await first.patch(`/admin/users/${firstId}`, { roles: ['user'] }),
        await first.patch(`/admin/users/${firstId}`, { disabled: true }),
        await first.delete(`/admin/users/${firstId}`),
        await first.delete('/auth/me')
      ]
      for (const { status, body, cookies } of attempts) {
        t.equal(status, 409)
        t.equal(body.code, 'last_administrator')
        t.strictSame(cookies, [])
      }
      t.match(await first.get('/auth/me'), { status: 200, body: { roles: ['admin', 'user'] } })
      t.equal(await app.store.users.countAdministrators(), 1)
    })

    t.test('an administrator who is disabled or has no password yet is no second one', async (t) => {
      const invited = await first.post('/admin/users', { email: 'invited@example.com', roles: ['admin'] })
      t.equal(invited.status, 201)
      const off = await hire(first, 'off@example.com', ['admin'])
      t.equal((await first.patch(`/admin/users/${off}`, { disabled: true })).status, 200)
      t.match(await first.delete('/auth/me'), { status: 409, body: { code: 'last_administrator' } })
      t.equal((await first.delete(`/admin/users/${invited.body.id}`)).status, 204)
      t.equal((await first.delete(`/admin/users/${off}`)).status, 204)
    })

    t.test('with a second administrator the first may go', async (t) => {
      await hire(first, 'second@example.com', ['admin'])
      const second = await signIn(service, 'second@example.com')
      const leaver = await hire(first, 'leaver@example.com', ['admin'])
      t.equal((await second.patch(`/admin/users/${leaver}`, { roles: [] })).status, 200)
      t.equal((await second.delete(`/admin/users/${leaver}`)).status, 204)
      t.equal((await second.delete('/auth/me')).status, 204)
      t.equal(await app.store.users.countAdministrators(), 1)
    })

    t.test('of two administrators who demote each other at the same moment one stays', async (t) => {
      const secondId = await hire(first, 'rival@example.com', ['admin'])
      const pair = [
        { window: first, id: firstId },
        { window: await signIn(service, 'rival@example.com'), id: secondId }
      ] as const
      for (let round = 0; round < 20; round += 1) {
        const [one, two] = pair
        const answers = await Promise.all([
          one.window.patch(`/admin/users/${two.id}`, { roles: [] }),
          two.window.patch(`/admin/users/${one.id}`, { roles: [] })
        ])
        const statuses = answers.map(({ status }) => status)
        t.equal(statuses.filter((status) => status === 200).length, 1, `${statuses}`)
        t.ok(statuses.every((status) => [200, 401, 403, 409].includes(status)))
        t.equal(await app.store.users.countAdministrators(), 1)
        const [winner, loser] = statuses[0] === 200 ? [one, two] : [two, one]
        t.equal((await winner.window.patch(`/admin/users/${loser.id}`, { roles: ['admin'] })).status, 200)
        t.equal((await loser.window.post('/auth/refresh')).status, 200)
      }
      t.equal((await first.delete(`/admin/users/${secondId}`)).status, 204)
    })

    const removals: Record<string, (window: Browser, id: string) => Promise<Answer>> = {
      disable: (window, id) => window.patch(`/admin/users/${id}`, { disabled: true }),
      delete: (window, id) => window.delete(`/admin/users/${id}`),
      'leave beside': (window) => window.delete('/auth/me')
    }
    for (const [name, remove] of Object.entries(removals)) {
      t.test(`of two administrators who ${name} each other at the same moment one stays`, async (t) => {
        for (let round = 0; round < 5; round += 1) {
          const one = await signIn(service, await emailOfAdministrator())
          const email = `${name.replace(' ', '-')}${round}@example.com`
          const twoId = await hire(one, email, ['admin'])
          const two = await signIn(service, email)
          const oneId = await idOf(one)
          const answers = await Promise.all([remove(one, twoId), remove(two, oneId)])
          const statuses = answers.map(({ status }) => status)
          t.equal(statuses.filter((status) => status < 300).length, 1, `${statuses}`)
          t.ok(statuses.every((status) => status < 300 || [401, 403, 404, 409].includes(status)))
          t.equal(await app.store.users.countAdministrators(), 1)
        }
      })
    }
  })
}
