import { decodeJwt } from 'jose'
import t from 'tap'
import { newUser } from '../../../domain/accounts/registration.ts'
import { build, password } from '../../harness/build.ts'
import { perform } from '../../harness/command.ts'
import { engines } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const DAY = 86_400_000

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const gatehouse = await build(t, { engine })
    const { clock } = gatehouse
    const register = (body: unknown) => gatehouse.browser().post('/auth/register', body)

    await t.test('register answers 201 with the user, the session and its cookies', async (t) => {
      const window = gatehouse.browser()
      const { status, body, cookies, text } = await window.post('/auth/register', {
        email: 'ada@example.com',
        password,
        name: 'Ada Lovelace'
      })
      const now = new Date(clock()).toISOString()
      t.equal(status, 201)
      t.strictSame(body, {
        user: {
          id: body.user.id,
          email: 'ada@example.com',
          name: 'Ada Lovelace',
          roles: ['user'],
          emailVerified: false,
          disabled: false,
          createdAt: now,
          lastLoginAt: now
        },
        session: { id: body.session.id, authTime: now, expiresAt: new Date(clock() + 30 * DAY).toISOString() }
      })
      t.match(body.user.id, UUID_V7)
      t.match(body.session.id, UUID_V7)
      t.strictSame(cookies.map(({ name }) => name).sort(), ['access', 'device', 'refresh', 'session'])
      for (const { value } of cookies) t.notOk(text.includes(value), 'no token is in the body')
      t.match(decodeJwt(window.value('access')), {
        sub: body.user.id,
        sid: body.session.id,
        roles: ['user'],
        scope: ''
      })
      t.equal((await window.get('/auth/me')).status, 200)
    })

    await t.test('a name may be left out or null', async (t) => {
      for (const [index, name] of [undefined, null].entries()) {
        const { status, body } = await register({ email: `nameless${index}@example.com`, password, name })
        t.strictSame([status, body.user.name], [201, null])
      }
    })

    await t.test('an address that is taken answers 409 in whatever case and Unicode form', async (t) => {
      await gatehouse.signUp('zoë@example.com')
      for (const email of [
        'zoë@example.com',
        'ZOË@EXAMPLE.COM',
        'zoe\u0308@example.com',
        ' zoë@example.com '
      ]) {
        t.strictSame(refusalOf(await register({ email, password })), refusal(409, 'email_taken'), email)
      }
    })

    await t.test('of parallel registrations in different case and form one wins and no other', async (t) => {
      const spellings = [
        'grace@example.com',
        'Grace@Example.com',
        'GRACE@EXAMPLE.COM',
        '\uff47race@example.com'
      ]
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => register({ email: spellings[index % 4], password }))
      )
      const created = answers.filter(({ status }) => status === 201)
      t.equal(created.length, 1)
      t.equal(created[0]?.body.user.email, 'grace@example.com')
      for (const answer of answers) {
        if (answer.status !== 201) t.strictSame(refusalOf(answer), refusal(409, 'email_taken'))
      }
    })

    await t.test('the spellings of one address sign in to one account', async (t) => {
      const accounts = {
        'Bob@Example.COM': ['bob@example.com', 'BOB@EXAMPLE.COM', 'bob@\uff45xample.com'],
        'jürgen@bücher.example': ['JÜRGEN@BÜCHER.EXAMPLE', 'ju\u0308rgen@xn--bcher-kva.example'],
        'first.last+tag@example.org': ['First.Last+Tag@example.org']
      }
      for (const [email, spellings] of Object.entries(accounts)) {
        const { body } = await register({ email, password })
        for (const spelling of spellings) {
          const login = await gatehouse.browser().post('/auth/login', { email: spelling, password })
          t.strictSame([login.status, login.body.user?.id], [200, body.user.id], spelling)
        }
      }
    })

    await t.test('addresses that differ in more than spelling are different accounts', async (t) => {
      for (const email of [
        'carol@example.com',
        'ca.rol@example.com',
        'carol+a@example.com',
        'carol@example.org'
      ]) {
        t.equal((await register({ email, password })).status, 201, email)
      }
    })
  })
}

t.test('what is no e-mail address answers 400 and names the field', async (t) => {
  const gatehouse = await build(t)
  const addresses = [
    'nobody',
    '@example.com',
    'ada@',
    'a b@example.com',
    'ada@exa mple.com',
    'ada@example..com',
    'ada@@example.com@',
    '<ada@example.com>',
    `${'a'.repeat(65)}@example.com`,
    `ada@${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.${'e'.repeat(20)}`
  ]
  const errors = [{ pointer: '/email', code: 'email', detail: 'This is not an e-mail address.' }]
  for (const email of addresses) {
    const answer = await gatehouse.browser().post('/auth/register', { email, password })
    t.strictSame(refusalOf(answer), refusal(400, 'invalid_request', { errors }), JSON.stringify(email))
  }
})

t.test('unknown, missing and wrong fields answer 400 and name each field', async (t) => {
  const gatehouse = await build(t)
  const cases: Array<[unknown, string]> = [
    [{ email: 'ada@example.com', password, roles: ['admin'] }, '/roles'],
    [{ email: 'ada@example.com', password, emailVerified: true }, '/emailVerified'],
    [{ email: 'ada@example.com' }, '/password'],
    [{ password }, '/email'],
    [{ email: ['ada@example.com'], password }, '/email'],
    [{ email: 'ada\u0000@example.com', password }, '/email'],
    [{ email: 'ada\r\nbcc:eve@example.com', password }, '/email'],
    [{ email: 'ada@example.com', password: 123456789012 }, '/password'],
    [{ email: 'ada@example.com', password, name: '' }, '/name'],
    [{ email: 'ada@example.com', password, name: 'A\u0000da' }, '/name'],
    [{ email: 'ada@example.com', password, name: 'x'.repeat(101) }, '/name']
  ]
  for (const [payload, pointer] of cases) {
    const { status, body, cookies } = await gatehouse.browser().post('/auth/register', payload)
    t.strictSame([status, body.code, cookies], [400, 'invalid_request', []])
    t.strictSame([...new Set(body.errors.map((error: { pointer: string }) => error.pointer))], [pointer])
  }
})

t.test('registration that is not open answers 403 and makes no account', async (t) => {
  for (const AUTH_REGISTRATION of ['invite', 'closed']) {
    const gatehouse = await build(t, { env: { AUTH_REGISTRATION } })
    const administrator = await gatehouse.setUp()
    const answer = await gatehouse.browser().post('/auth/register', { email: 'ada@example.com', password })
    t.strictSame(refusalOf(answer), refusal(403, 'registration_closed'), AUTH_REGISTRATION)
    t.equal((await administrator.get('/admin/users')).body.items.length, 1, 'the administrator is alone')
  }
})

t.test('with registration by invitation the link of an administrator lets somebody in', async (t) => {
  const gatehouse = await build(t, { env: { AUTH_REGISTRATION: 'invite' } })
  const administrator = await gatehouse.setUp()
  const invited = await administrator.post('/admin/users', { email: 'ada@example.com' })
  t.equal(invited.status, 201)
  const { token } = invited.body.passwordLink
  const window = gatehouse.browser()
  t.equal((await window.post('/auth/password/reset', { token, password })).status, 204)
  t.equal((await window.post('/auth/login', { email: 'ada@example.com', password })).status, 200)
})

t.test('with registration closed only the operator makes accounts, at the command line', async (t) => {
  const gatehouse = await build(t, { env: { AUTH_REGISTRATION: 'closed' } })
  const administrator = await gatehouse.setUp()
  const invited = await administrator.post('/admin/users', { email: 'ada@example.com' })
  t.strictSame(refusalOf(invited), refusal(403, 'registration_closed'))
  const { json } = await perform(gatehouse.env, 'admin create', { email: 'ada@example.com' })
  const [, token] = (json as { link: string }).link.split('#token=')
  t.equal((await gatehouse.browser().post('/auth/password/reset', { token, password })).status, 204)
  t.equal((await gatehouse.browser().post('/auth/login', { email: 'ada@example.com', password })).status, 200)
})

t.test('registering while signed in ends the session that the browser had', async (t) => {
  const gatehouse = await build(t)
  const window = await gatehouse.signUp('ada@example.com')
  const before = window.clone()
  t.equal((await window.post('/auth/register', { email: 'bob@example.com', password })).status, 201)
  t.strictSame(refusalOf(await before.get('/auth/me')), refusal(401, 'unauthorized'))
  t.strictSame(refusalOf(await before.post('/auth/refresh')), refusal(401, 'invalid_session'))
})

t.test('an address that can be taken for another makes no account, one that there is signs in', async (t) => {
  const gatehouse = await build(t)
  await gatehouse.setUp('root@example.com')
  for (const email of ['ro\u034fot@example.com', 'rооt@example.com', '.root@example.com', 'root@xn--.test']) {
    const { status, body } = await gatehouse.browser().post('/auth/register', { email, password })
    t.strictSame([status, body.code, body.errors[0].pointer], [400, 'invalid_request', '/email'], email)
  }
  const old = {
    ...newUser('ro\u034fot@example.com', null, await gatehouse.app.passwords.hasher.hash(password), 1)
  }
  t.ok(await gatehouse.app.store.users.insert(old))
  for (const email of ['ro\u034fot@example.com', 'RO\u034fOT@Example.com'])
    t.equal((await gatehouse.browser().post('/auth/login', { email, password })).status, 200)
})
