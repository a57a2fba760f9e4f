import t from 'tap'
import { build, password } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'
import { delegate, idOf } from './people.ts'

const LIMIT = 5
const wrong = 'wrong horse battery staple'

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine, env: { AUTH_LOGIN_LIMIT_PER_ACCOUNT: String(LIMIT) } })
    const root = await service.setUp()
    const login = (email: string, secret = password) =>
      service.browser().post('/auth/login', { email, password: secret })

    async function lock(email: string): Promise<void> {
      for (let attempt = 0; attempt <= LIMIT; attempt += 1) await login(email, wrong)
    }

    t.test('unlocking lets the owner in at once, on any device and in their session', async (t) => {
      const window = await service.signUp('ada@example.com')
      const id = await idOf(window)
      await lock('ada@example.com')
      for (let attempt = 0; attempt <= LIMIT; attempt += 1)
        await window.post('/auth/reauthenticate', { password: wrong })
      t.equal((await login('ada@example.com')).status, 429)
      t.equal((await window.post('/auth/reauthenticate', { password })).status, 429)
      const answer = await root.post(`/admin/users/${id}/unlock`)
      t.strictSame([answer.status, answer.text, answer.cookies], [204, '', []])
      t.equal((await login('ada@example.com')).status, 200)
      t.equal((await window.post('/auth/reauthenticate', { password })).status, 200)
    })

    t.test('it is written down, and may be asked for twice', async (t) => {
      const id = await idOf(await service.signUp('audited@example.com'))
      for (let n = 0; n < 2; n += 1) t.equal((await root.post(`/admin/users/${id}/unlock`)).status, 204)
      const { items } = (await root.get(`/admin/audit?type=user.unlocked&userId=${id}`)).body
      t.equal(items.length, 2)
      t.match(items[0], { actorId: await idOf(root), userId: id, ip: '127.0.0.1', detail: {} })
    })

    t.test('it unlocks nobody else', async (t) => {
      const id = await idOf(await service.signUp('one@example.com'))
      await service.signUp('two@example.com')
      for (const email of ['one@example.com', 'two@example.com']) await lock(email)
      await root.post(`/admin/users/${id}/unlock`)
      t.equal((await login('one@example.com')).status, 200)
      t.equal((await login('two@example.com')).status, 429)
    })

    t.test('an account that is not there is 404', async (t) => {
      for (const id of ['01890000-0000-7000-8000-000000000000', 'nobody'])
        t.strictSame(refusalOf(await root.post(`/admin/users/${id}/unlock`)), refusal(404, 'not_found'))
    })

    t.test('it takes users:write, a recent sign-in, and every management scope of the account', async (t) => {
      const id = await idOf(await service.signUp('eve@example.com'))
      const reader = await delegate(service, root, 'reader', 'users:read')
      const helper = await delegate(service, root, 'helper', 'users:write')
      const rootId = await idOf(root)
      t.strictSame(refusalOf(await reader.post(`/admin/users/${id}/unlock`)), refusal(403, 'forbidden'))
      t.equal((await helper.post(`/admin/users/${id}/unlock`)).status, 204)
      t.strictSame(refusalOf(await helper.post(`/admin/users/${rootId}/unlock`)), refusal(403, 'forbidden'))
      service.clock.advance(601_000)
      await helper.post('/auth/refresh')
      t.match(await helper.post(`/admin/users/${id}/unlock`), {
        status: 401,
        body: { code: 'reauthentication_required' }
      })
    })
  })
}
