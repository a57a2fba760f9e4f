import t from 'tap'
import { userView } from '../../routes/views/user.ts'
import { build, password } from '../harness/build.ts'
import { gatehouse, perform } from '../harness/command.ts'
import { engines } from '../harness/engines.ts'

const chosen = 'battery staple correct horse'

for (const engine of engines) {
  t.test(`beside a running service on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const { app, clock, env } = service
    const root = await service.setUp()
    const ada = await service.signUp('ada@example.com')
    await service.signUp('bob@example.com')

    const accountOf = async (email: string) => {
      const user = await app.store.users.findByEmail(email)
      if (!user) throw new Error(`there is no ${email}`)
      return user
    }
    const idOf = async (email: string) => (await accountOf(email)).id
    const emailsOf = async (values = {}) => {
      const { json } = await perform(env, 'users list', values)
      return (json as Array<{ email: string }>).map(({ email }) => email)
    }
    const lastEvent = async () => (await app.store.audit.list({ limit: 1, actorId: 'operator' }))[0]

    t.test('users list shows all accounts, for people and for programs', async (t) => {
      const { text, json } = await perform(env, 'users list')
      t.strictSame(json, (await root.get('/admin/users')).body.items)
      const lines = text.split('\n')
      t.equal(lines.length, 3)
      const at = new Date(clock()).toISOString()
      const id = await idOf('root@example.com')
      t.equal(lines[0], `${id}  root@example.com  admin user  enabled  signed in ${at}`)
    })

    t.test('users list shows those of a role, with a text, or the first few', async (t) => {
      t.strictSame(await emailsOf({ role: 'admin' }), ['root@example.com'])
      t.strictSame(await emailsOf({ search: 'B@EX' }), ['bob@example.com'])
      t.strictSame(await emailsOf({ limit: '2' }), ['root@example.com', 'ada@example.com'])
      t.strictSame(await emailsOf({ disabled: true }), [])
      t.equal((await perform(env, 'users list', { disabled: true })).text, 'There is no such account.')
      await t.rejects(emailsOf({ role: 'admni' }), { message: 'There is no role admni' })
    })

    t.test('users show shows an account with its live sessions', async (t) => {
      await service.browser().post('/auth/login', { email: 'ada@example.com', password })
      const user = await accountOf('ada@example.com')
      const { text, json } = await perform(env, 'users show', { email: 'Ada@Example.com' })
      t.strictSame(json, { ...userView(user), sessions: 2 })
      t.strictSame((await perform(env, 'users show', {}, [user.id])).json, json)
      const at = new Date(clock()).toISOString()
      t.equal(
        text,
        [
          `id            ${user.id}`,
          'address       ada@example.com (not verified)',
          'name          none',
          'roles         user',
          'disabled      no',
          'sessions      2',
          `created       ${at}`,
          `last sign-in  ${at}`
        ].join('\n')
      )
    })

    t.test('users disable signs the owner out and keeps them out, users enable lets them in', async (t) => {
      const login = () => service.browser().post('/auth/login', { email: 'ada@example.com', password })
      const disabled = await perform(env, 'users disable', { email: 'ada@example.com' })
      t.equal(disabled.text, 'ada@example.com is disabled, and its sessions ended.')
      t.strictSame(disabled.json, userView(await accountOf('ada@example.com')))
      t.match(disabled.json, { disabled: true })
      t.match(await lastEvent(), { type: 'user.disabled', userId: await idOf('ada@example.com'), ip: null })
      await app.revocations.poll()
      t.equal((await ada.get('/auth/me')).status, 401)
      t.equal((await ada.post('/auth/refresh')).status, 401)
      t.match(await login(), { status: 401, body: { code: 'invalid_credentials' } })
      t.strictSame(await emailsOf({ disabled: true }), ['ada@example.com'])

      const enabled = await perform(env, 'users enable', {}, [await idOf('ada@example.com')])
      t.equal(enabled.text, 'ada@example.com is enabled.')
      t.match(enabled.json, { email: 'ada@example.com', disabled: false })
      t.match(await lastEvent(), { type: 'user.enabled', userId: await idOf('ada@example.com') })
      t.equal((await login()).status, 200)
    })

    t.test('users disable is refused for the last administrator', async (t) => {
      const refused = perform(env, 'users disable', { email: 'root@example.com' })
      await t.rejects(refused, { code: 'last_administrator' })
      t.equal((await root.get('/admin/users')).status, 200)
    })

    t.test('users reset-password lets in the only administrator, who forgot the password', async (t) => {
      const email = 'root@example.com'
      const { code, stdout, stderr } = await gatehouse(['users', 'reset-password', '--email', email], env)
      t.equal(code, 0)
      t.equal(stderr, '')
      const [, token] =
        /^root@example\.com can choose a new password here, once, within 24 hours:\nhttp:\/\/localhost:3000\/auth\/password\/reset#token=(\S+)\n$/.exec(
          stdout
        ) ?? []
      t.match(await lastEvent(), { type: 'password.reset_started', userId: await idOf(email) })
      t.equal((await root.get('/admin/users')).status, 200, 'a link alone ends nothing')
      const redeem = () => service.browser().post('/auth/password/reset', { token, password: chosen })
      t.equal((await redeem()).status, 204)
      t.match(await redeem(), { status: 400, body: { code: 'invalid_token' } })
      t.equal((await root.get('/admin/users')).status, 401)
      const window = service.browser()
      t.match(await window.post('/auth/login', { email, password }), { status: 401 })
      t.match(await window.post('/auth/login', { email, password: chosen }), { status: 200 })
      t.equal((await window.get('/admin/users')).status, 200)
    })

    t.test('users reset-password --json prints the link as the API does', async (t) => {
      const { json } = await perform(env, 'users reset-password', { email: 'bob@example.com' })
      const { token, url, expiresAt, ...rest } = json as Record<string, string>
      t.strictSame(rest, {})
      t.equal(url, `http://localhost:3000/auth/password/reset#token=${token}`)
      t.ok(Date.parse(expiresAt ?? '') > Date.now())
    })

    t.test('users reset-password says that a disabled account needs to be enabled first', async (t) => {
      const id = await idOf('bob@example.com')
      await perform(env, 'users disable', {}, [id])
      const { text } = await perform(env, 'users reset-password', {}, [id])
      t.equal(
        text.split('\n').at(-1),
        `The account is disabled. Enable it first: ./gatehouse users enable ${id}`
      )
    })
  })
}
