import t from 'tap'
import { build } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { hire, signIn } from './people.ts'

/** In base64url: of ES256, and of RS256 with 4,096 bits. */
const SIGNATURE = 86
const LONGEST_SIGNATURE = 683

t.test('roles in a cookie', async (t) => {
  const service = await build(t, { env: { AUTH_ISSUER: 'https://auth.example.com' } })
  const root = await service.setUp()
  const scopeOf = (length: number) => `s:${'x'.repeat(length - 2)}`
  const tryRole = (name: string, length: number) =>
    root.post('/admin/roles', { name, scope: scopeOf(length) })

  t.test(
    'the largest role that is accepted makes a cookie of at most 4,096 bytes, even if signed by RSA',
    async (t) => {
      let [fits, passes] = [1000, 4000]
      while (passes - fits > 1) {
        const middle = Math.floor((fits + passes) / 2)
        const { status, body } = await tryRole(`r${middle}`, middle)
        if (status === 201) fits = middle
        else {
          t.equal(status, 422)
          t.equal(body.code, 'roles_too_large')
          passes = middle
        }
      }
      await hire(root, 'big@example.com', [`r${fits}`])
      const window = await signIn(service, 'big@example.com')
      const size = '__Host-access'.length + window.value('__Host-access').length
      const withRsa = size + LONGEST_SIGNATURE - SIGNATURE
      t.ok(withRsa <= 4096 && withRsa > 4060, `${size} bytes`)
      t.equal((await window.get('/auth/me')).body.scope, scopeOf(fits))
    }
  )

  t.test('roles that fit one by one and not together answer 422', async (t) => {
    await root.post('/admin/roles', { name: 'half', scope: scopeOf(1400) })
    await root.post('/admin/roles', { name: 'other-half', scope: `t:${'y'.repeat(1400)}` })
    const id = await hire(root, 'half@example.com', ['half'])
    const { status, body } = await root.patch(`/admin/users/${id}`, { roles: ['half', 'other-half'] })
    t.equal(status, 422)
    t.equal(body.code, 'roles_too_large')
    const created = await root.post('/admin/users', {
      email: 'both@example.com',
      roles: ['half', 'other-half']
    })
    t.equal(created.status, 422)
    t.strictSame((await root.get(`/admin/users/${id}`)).body.roles, ['half', 'user'])
  })

  t.test('a role cannot grow past the cookie of anybody who holds it', async (t) => {
    await root.post('/admin/roles', { name: 'small', scope: 'a:b' })
    await hire(root, 'holder@example.com', ['half', 'small'])
    const { status, body } = await root.put('/admin/roles/small', { scope: `u:${'z'.repeat(1400)}` })
    t.equal(status, 422)
    t.equal(body.code, 'roles_too_large')
    t.equal((await root.get('/admin/roles/small')).body.scope, 'a:b')
    t.equal((await root.put('/admin/roles/user', { scope: `u:${'z'.repeat(1400)}` })).status, 422)
  })
})

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const root = await service.setUp()

    t.test('a role that grows beside its assignment never makes a cookie too large', async (t) => {
      await root.post('/admin/roles', { name: 'half', scope: `s:${'x'.repeat(1400)}` })
      const id = await hire(root, 'large@example.com', ['half'])
      for (let round = 0; round < 20; round += 1) {
        const name = `growing${round}`
        await root.post('/admin/roles', { name, scope: 'a:b' })
        const answers = await Promise.all([
          root.patch(`/admin/users/${id}`, { roles: ['half', name] }),
          root.put(`/admin/roles/${name}`, { scope: `t:${'y'.repeat(1400)}` })
        ])
        t.strictSame(answers.map(({ status }) => status).sort(), [200, 422])
        t.equal((await root.patch(`/admin/users/${id}`, { roles: ['half'] })).status, 200)
      }
    })
  })
}
