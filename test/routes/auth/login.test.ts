import { createHash } from 'node:crypto'
import t from 'tap'
import { build, password } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'

const DAY = 86_400_000

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const gatehouse = await build(t, { engine })
    const { clock } = gatehouse
    const administrator = await gatehouse.setUp()
    const login = (email: string, secret = password) =>
      gatehouse.browser().post('/auth/login', { email, password: secret })

    await t.test('login answers 200 with the user, the session and its cookies', async (t) => {
      await gatehouse.signUp('ada@example.com')
      const createdAt = new Date(clock()).toISOString()
      clock.advance(1000)
      const now = new Date(clock()).toISOString()
      const { status, body, cookies, text } = await login('ada@example.com')
      t.equal(status, 200)
      t.strictSame(body, {
        user: {
          id: body.user.id,
          email: 'ada@example.com',
          name: null,
          roles: ['user'],
          emailVerified: false,
          disabled: false,
          createdAt,
          lastLoginAt: now
        },
        session: { id: body.session.id, authTime: now, expiresAt: new Date(clock() + 30 * DAY).toISOString() }
      })
      t.strictSame(cookies.map(({ name }) => name).sort(), ['access', 'device', 'refresh', 'session'])
      for (const { value } of cookies) t.notOk(text.includes(value), 'no token is in the body')
    })

    await t.test('every reason for a refusal looks the same', async (t) => {
      const disabled = await gatehouse.signUp('disabled@example.com')
      const { user } = (await disabled.get('/auth/me')).body
      t.equal((await administrator.patch(`/admin/users/${user.id}`, { disabled: true })).status, 200)
      t.equal((await administrator.post('/admin/users', { email: 'invited@example.com' })).status, 201)

      const reasons = {
        'a wrong password': await login('ada@example.com', 'wrong horse battery staple'),
        'an unknown account': await login('nobody@example.com'),
        'a disabled account': await login('disabled@example.com'),
        'an account without password': await login('invited@example.com'),
        'no e-mail address': await login('not an address'),
        'a password longer than any may be': await login('ada@example.com', 'x'.repeat(1024)),
        'an empty-looking password': await login('ada@example.com', ' ')
      }
      for (const [reason, answer] of Object.entries(reasons)) {
        t.strictSame(refusalOf(answer), refusal(401, 'invalid_credentials'), reason)
        t.equal(answer.headers['www-authenticate'], 'Bearer', reason)
      }
    })

    await t.test('the audit trail tells a success from a failure', async (t) => {
      const window = await gatehouse.signUp('audited@example.com')
      const { user } = (await window.get('/auth/me')).body
      await login('audited@example.com', 'wrong horse battery staple')
      const { session } = (await login('audited@example.com')).body
      const { items } = (await administrator.get(`/admin/audit?userId=${user.id}`)).body
      t.match(items, [
        { type: 'login.succeeded', userId: user.id, actorId: user.id, sessionId: session.id },
        { type: 'login.failed', userId: user.id, actorId: null, sessionId: null },
        { type: 'account.registered', userId: user.id, actorId: user.id }
      ])
      t.notOk(JSON.stringify(items).includes('horse'), 'no password is written down')
    })

    await t.test('a session planted in the browser ends at login and cannot be shared', async (t) => {
      await gatehouse.signUp('victim@example.com')
      const attacker = await gatehouse.signUp('attacker@example.com')
      const victim = attacker.clone()
      const { body } = await victim.post('/auth/login', { email: 'victim@example.com', password })
      t.notSame(victim.value('refresh'), attacker.value('refresh'))
      t.equal(body.user.email, 'victim@example.com')
      t.equal((await victim.get('/auth/me')).body.user.email, 'victim@example.com')
      t.strictSame(refusalOf(await attacker.get('/auth/me')), refusal(401, 'unauthorized'))
      t.strictSame(refusalOf(await attacker.post('/auth/refresh')), refusal(401, 'invalid_session'))
    })

    await t.test('a failed login leaves the session that the browser has', async (t) => {
      const window = await gatehouse.signUp('clumsy@example.com')
      const failed = await window.post('/auth/login', {
        email: 'clumsy@example.com',
        password: 'not this one!'
      })
      t.strictSame(refusalOf(failed), refusal(401, 'invalid_credentials'))
      t.equal((await window.get('/auth/me')).status, 200)
      t.equal((await window.post('/auth/refresh')).status, 200)
    })

    await t.test('a cookie that was planted without being ours does no harm', async (t) => {
      await gatehouse.signUp('planted@example.com')
      const window = gatehouse.browser()
      window.cookies.set('refresh', { value: createHash('sha256').digest('base64url'), path: '/auth' })
      window.cookies.set('access', { value: 'nonsense', path: '/' })
      t.equal((await window.post('/auth/login', { email: 'planted@example.com', password })).status, 200)
      t.equal((await window.get('/auth/me')).status, 200)
    })

    await t.test('a hash of lower cost is made anew at the next login, and the password stays', async (t) => {
      const window = await gatehouse.signUp('upgraded@example.com')
      const { user } = (await window.get('/auth/me')).body
      const hashOf = async () => (await gatehouse.app.store.users.find(user.id))?.passwordHash ?? ''
      const costs = { AUTH_ARGON2_MEMORY_KIB: '19456', AUTH_ARGON2_TIME: '3' }
      const costlier = await build(t, { clock, env: { ...gatehouse.env, ...costs } })
      const signIn = (secret: string) =>
        costlier.browser().post('/auth/login', { email: 'upgraded@example.com', password: secret })

      t.match(await hashOf(), /^\$argon2id\$v=19\$m=1024,p=1,t=2\$/)
      t.equal((await signIn('wrong horse battery staple')).status, 401)
      t.match(await hashOf(), /t=2\$/, 'a failure changes nothing')
      t.equal((await signIn(password)).status, 200)
      const upgraded = await hashOf()
      t.match(upgraded, /^\$argon2id\$v=19\$m=19456,p=1,t=3\$/)
      t.equal((await signIn(password)).status, 200)
      t.equal(await hashOf(), upgraded, 'and only once')
      t.equal((await window.post('/auth/refresh')).status, 200, 'sessions go on')
    })

    await t.test('parallel logins during a hash upgrade all succeed', async (t) => {
      await gatehouse.signUp('upgrades@example.com')
      const costlier = await build(t, { clock, env: { ...gatehouse.env, AUTH_ARGON2_TIME: '3' } })
      const answers = await Promise.all(
        Array.from({ length: 10 }, () =>
          costlier.browser().post('/auth/login', { email: 'upgrades@example.com', password })
        )
      )
      t.strictSame(
        answers.map(({ status }) => status),
        Array(10).fill(200)
      )
    })
  })
}

t.test('the password is compared exactly', async (t) => {
  const gatehouse = await build(t)
  const secret = `Tr\u00e9s long ${'pass phrase with many words '.repeat(3)}end`
  await gatehouse.browser().post('/auth/register', { email: 'ada@example.com', password: secret })
  const login = async (typed: string) =>
    (await gatehouse.browser().post('/auth/login', { email: 'ada@example.com', password: typed })).status

  t.equal(await login(secret), 200)
  const near = {
    'case flipped': secret.replace('T', 't'),
    'all lower case': secret.toLowerCase(),
    'a trailing space': `${secret} `,
    'a leading space': ` ${secret}`,
    'a trailing newline': `${secret}\n`,
    'its first 72 bytes': Buffer.from(secret).subarray(0, 72).toString(),
    'a NUL behind it': `${secret}\u0000`,
    'a NUL and more behind it': `${secret}\u0000more`,
    'a character less': secret.slice(0, -1),
    'without the accent': secret.replace('\u00e9', 'e'),
    'two spaces for one': secret.replace(' ', '  '),
    'a no-break space': secret.replace(' ', '\u00a0')
  }
  for (const [how, typed] of Object.entries(near)) t.equal(await login(typed), 401, how)
  t.equal(await login(secret.normalize('NFD')), 200, 'the same characters composed differently are equal')
})

t.test('a NUL inside a password counts, and all behind it', async (t) => {
  const gatehouse = await build(t)
  const secret = 'quartz \u0000 marmalade sphinx'
  t.equal(
    (await gatehouse.browser().post('/auth/register', { email: 'ada@example.com', password: secret })).status,
    201
  )
  const login = async (typed: string) =>
    (await gatehouse.browser().post('/auth/login', { email: 'ada@example.com', password: typed })).status
  t.equal(await login('quartz '), 401)
  t.equal(await login('quartz \u0000 another ending'), 401)
  t.equal(await login(secret), 200)
})

t.test('unknown, missing and wrong fields answer 400', async (t) => {
  const gatehouse = await build(t)
  const bodies = [
    { email: 'ada@example.com' },
    { email: 'ada@example.com', password, admin: true },
    { email: 'ada@example.com', password, remember: 'yes' },
    { email: 'ada@example.com', password: 'x'.repeat(1025) },
    { email: 'ada@example.com', password: '' },
    { email: { $ne: '' }, password: { $ne: '' } },
    [],
    null
  ]
  for (const body of bodies) {
    const { status, body: problem } = await gatehouse.browser().post('/auth/login', body)
    t.strictSame([status, problem.code], [400, 'invalid_request'], JSON.stringify(body))
  }
})

t.test('a password never grows too old', async (t) => {
  const gatehouse = await build(t)
  await gatehouse.signUp('faithful@example.com')
  gatehouse.clock.advance(400 * DAY)
  const { status } = await gatehouse
    .browser()
    .post('/auth/login', { email: 'faithful@example.com', password })
  t.equal(status, 200)
})

t.test('a new service has no default account', async (t) => {
  const gatehouse = await build(t)
  t.equal(await gatehouse.app.store.users.countAdministrators(), 0)
  for (const name of ['admin', 'root', 'administrator', 'test', 'guest', 'gatehouse']) {
    for (const email of [name, `${name}@localhost`, `${name}@example.com`]) {
      for (const secret of [name, 'password']) {
        const { status } = await gatehouse.browser().post('/auth/login', { email, password: secret })
        t.ok(status === 400 || status === 401, `${email} ${secret}`)
      }
    }
  }
})
