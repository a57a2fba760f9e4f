import t from 'tap'
import { DAY } from '../../../domain/clock.ts'
import { build, password } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'
import { delegate, hire, readPages, signIn } from './people.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const root = await service.setUp()
    const emails = [
      'ann@example.com',
      'bob@example.com',
      'a_b@example.com',
      'axb@example.com',
      'p%q@example.com'
    ]
    for (const email of emails) await hire(root, email)
    const everybody = ['root@example.com', ...emails]
    const found = async (search: string) => {
      const { body } = await root.get(`/admin/users?search=${encodeURIComponent(search)}`)
      return body.items.map(({ email }: { email: string }) => email)
    }

    t.test('the list is read by its cursor to the end, in order of creation', async (t) => {
      for (const limit of [1, 2, 3, 6, 7, 200]) {
        const pages = (await readPages(root, '/admin/users', limit)) as Array<Array<{ email: string }>>
        t.strictSame(
          pages.flat().map(({ email }) => email),
          everybody,
          `limit ${limit}`
        )
        t.equal(pages.length, Math.ceil(everybody.length / limit))
      }
    })

    t.test('an account in the list has exactly the fields of a user', async (t) => {
      const { body } = await root.get('/admin/users?limit=1')
      const [{ id, createdAt, lastLoginAt, ...rest }] = body.items
      t.match(id, UUID)
      t.equal(createdAt, new Date(service.clock()).toISOString())
      t.equal(lastLoginAt, new Date(service.clock()).toISOString())
      t.strictSame(rest, {
        email: 'root@example.com',
        name: null,
        roles: ['admin', 'user'],
        emailVerified: false,
        disabled: false
      })
    })

    t.test('a cursor that is none of ours is refused with 400', async (t) => {
      for (const cursor of ['*', 'a', 'AAAA', 'YWJj=', 'w6k']) {
        const { status, body } = await root.get(`/admin/users?cursor=${encodeURIComponent(cursor)}`)
        t.equal(status, 400, cursor)
        t.match(body, { code: 'invalid_request', errors: [{ pointer: '/cursor' }] })
      }
    })

    t.test('a limit outside 1 to 200 and an unknown query field are refused with 400', async (t) => {
      for (const query of ['limit=0', 'limit=201', 'limit=-1', 'limit=x', 'page=2', 'search=']) {
        const { status, body } = await root.get(`/admin/users?${query}`)
        t.equal(status, 400, query)
        t.equal(body.code, 'invalid_request')
        t.ok(body.errors.length > 0)
      }
    })

    t.test('search finds part of an address, whatever its case', async (t) => {
      t.strictSame(await found('B@EXAMPLE'), ['bob@example.com', 'a_b@example.com', 'axb@example.com'])
      t.strictSame(await found('nobody'), [])
    })

    t.test('search takes % and _ and \\ for themselves', async (t) => {
      t.strictSame(await found('a_b'), ['a_b@example.com'])
      t.strictSame(await found('p%q'), ['p%q@example.com'])
      t.strictSame(await found('%'), ['p%q@example.com'])
      t.strictSame(await found('\\'), [])
    })

    t.test('search finds part of a name, whatever its case and alphabet', async (t) => {
      const named = await root.post('/admin/users', { email: 'e@example.org', name: 'Élodie Øst' })
      t.equal(named.status, 201)
      for (const part of ['lodie', 'Élodie', 'élodie', 'ÉLODIE', 'øst']) {
        t.strictSame(await found(part), ['e@example.org'], part)
      }
    })
  })
}

t.test('creating an account', async (t) => {
  const service = await build(t)
  const root = await service.setUp()

  t.test('answers 201 with the account and the link, and with nothing to warn of', async (t) => {
    const { status, body } = await root.post('/admin/users', { email: 'Ann@Example.com', name: 'Ann' })
    t.equal(status, 201)
    const { id, passwordLink, ...rest } = body
    t.match(id, UUID)
    t.strictSame(rest, {
      email: 'ann@example.com',
      name: 'Ann',
      roles: ['user'],
      emailVerified: false,
      disabled: false,
      createdAt: new Date(service.clock()).toISOString(),
      lastLoginAt: null
    })
    t.strictSame(Object.keys(passwordLink), ['token', 'url', 'expiresAt'])
  })

  t.test('never takes a password, which its owner would not be alone to know (F21)', async (t) => {
    const { status, body } = await root.post('/admin/users', { email: 'known@example.com', password })
    t.equal(status, 400)
    t.match(body, { code: 'invalid_request', errors: [{ pointer: '/password' }] })
    t.strictSame((await root.get('/admin/users?search=known%40')).body.items, [])
  })

  t.test('answers a link by which its owner chooses a password, once', async (t) => {
    const { status, body } = await root.post('/admin/users', { email: 'bob@example.com' })
    t.equal(status, 201)
    const { token, url, expiresAt } = body.passwordLink
    t.equal(url, `http://localhost:3000/auth/password/reset#token=${token}`)
    t.equal(expiresAt, new Date(service.clock() + DAY).toISOString())
    const window = service.browser()
    t.equal((await window.post('/auth/login', { email: 'bob@example.com', password })).status, 401)

    const first = await window.post('/auth/password/reset', { token, password })
    t.equal(first.status, 204)
    t.strictSame(
      first.cookies.map(({ name }) => name),
      ['device'],
      'no sign-in by the way'
    )
    const second = await window.post('/auth/password/reset', { token, password })
    t.equal(second.status, 400)
    t.equal(second.body.code, 'invalid_token')
    await signIn(service, 'bob@example.com')
  })

  t.test('a link chooses one password however many use it at the same moment', async (t) => {
    for (let round = 0; round < 5; round += 1) {
      const { body } = await root.post('/admin/users', { email: `race${round}@example.com` })
      const { token } = body.passwordLink
      const answers = await Promise.all(
        Array.from({ length: 5 }, () => service.browser().post('/auth/password/reset', { token, password }))
      )
      t.strictSame(answers.map(({ status }) => status).sort(), [204, 400, 400, 400, 400])
    }
  })

  t.test('a link stops working after 24 hours', async (t) => {
    const { body } = await root.post('/admin/users', { email: 'late@example.com' })
    service.clock.advance(DAY)
    const { status, body: refusal } = await service
      .browser()
      .post('/auth/password/reset', { token: body.passwordLink.token, password })
    service.clock.advance(-DAY)
    t.equal(status, 400)
    t.equal(refusal.code, 'invalid_token')
  })

  t.test('a link refused for a weak password still works for a better one', async (t) => {
    const { body } = await root.post('/admin/users', { email: 'weak@example.com' })
    const { token } = body.passwordLink
    const weak = await service.browser().post('/auth/password/reset', { token, password: 'weak@example.com' })
    t.equal(weak.status, 422)
    t.equal(weak.body.code, 'weak_password')
    t.equal((await service.browser().post('/auth/password/reset', { token, password })).status, 204)
  })

  t.test('an address that is taken in any spelling answers 409', async (t) => {
    const { status, body } = await root.post('/admin/users', { email: 'ROOT@Example.COM' })
    t.equal(status, 409)
    t.equal(body.code, 'email_taken')
  })

  t.test('a wrong address, an unknown field and an unknown role are each refused', async (t) => {
    const email = 'x@example.com'
    const cases = [
      [{ email: 'no address' }, 400, 'invalid_request', '/email'],
      [{ email, admin: true }, 400, 'invalid_request', '/admin'],
      [{ email, roles: ['Not A Role'] }, 400, 'invalid_request', '/roles/0'],
      [{ email, roles: ['ghost'] }, 422, 'unknown_role', '/roles'],
      [{ name: 'X' }, 400, 'invalid_request', '/email']
    ] as const
    for (const [input, status, code, pointer] of cases) {
      const answer = await root.post('/admin/users', input)
      t.equal(answer.status, status, code)
      t.equal(answer.body.code, code)
      t.equal(answer.body.errors[0].pointer, pointer)
    }
    t.strictSame((await root.get('/admin/users?search=x%40example.com')).body.items, [])
  })

  t.test('needs a recent sign-in', async (t) => {
    service.clock.advance(11 * 60_000)
    t.equal((await root.post('/auth/refresh')).status, 200)
    t.equal((await root.get('/admin/users')).status, 200)
    const { status, body } = await root.post('/admin/users', { email: 'x@example.com' })
    t.equal(status, 401)
    t.equal(body.code, 'reauthentication_required')
    t.equal((await root.post('/auth/reauthenticate', { password })).status, 200)
    t.equal((await root.post('/admin/users', { email: 'x@example.com' })).status, 201)
  })

  t.test('somebody without admin can create an account, but not one with admin', async (t) => {
    const clerk = await delegate(service, root, 'clerk', 'users:write')
    t.equal((await clerk.post('/admin/users', { email: 'new@example.com' })).status, 201)
    const { status, body } = await clerk.post('/admin/users', {
      email: 'evil@example.com',
      roles: ['admin']
    })
    t.equal(status, 403)
    t.equal(body.code, 'forbidden')
    t.equal(await service.app.store.users.findByEmail('evil@example.com'), undefined)
  })
})

t.test('with AUTH_REGISTRATION=closed not even an administrator makes accounts by a request', async (t) => {
  const service = await build(t, { env: { AUTH_REGISTRATION: 'closed' } })
  const root = await service.setUp()
  const refused = await root.post('/admin/users', { email: 'ann@example.com' })
  t.strictSame(refusalOf(refused), refusal(403, 'registration_closed'))
  t.equal(await service.app.store.users.findByEmail('ann@example.com'), undefined)
})
