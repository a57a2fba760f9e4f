import t from 'tap'
import { operator } from '../../commands/operator.ts'
import { build, password } from '../harness/build.ts'
import { gatehouse, gatehouseJson, perform } from '../harness/command.ts'
import { engines } from '../harness/engines.ts'

for (const engine of engines) {
  t.test(`beside a running service on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const { env } = service

    t.test('admin create prints a link by which the first administrator chooses a password', async (t) => {
      const { id, email, link } = await gatehouseJson(['admin', 'create', '--email', 'Root@Example.com'], env)
      t.equal(email, 'root@example.com')
      const [path, token] = link.split('#token=')
      t.equal(path, 'http://localhost:3000/auth/password/reset')
      t.equal((await service.browser().post('/auth/password/reset', { token, password })).status, 204)
      const window = service.browser()
      const login = await window.post('/auth/login', { email, password })
      t.match(login, { status: 200, body: { user: { id, roles: ['admin', 'user'] } } })
      t.equal((await window.get('/admin/users')).status, 200)
      t.equal(
        await service.app.accounts.firstAdministrator.issueLink(),
        undefined,
        'and so the start prints no link any more'
      )
    })

    t.test('admin create takes a password from standard input', async (t) => {
      const { code, stdout } = await gatehouse(
        ['admin', 'create', '--email', 'second@example.com', '--name', 'Second', '--password-stdin'],
        env,
        `${password}\n`
      )
      t.equal(code, 0)
      t.equal(stdout, 'second@example.com is an administrator.\n')
      const answer = await service.browser().post('/auth/login', { email: 'second@example.com', password })
      t.match(answer, { status: 200, body: { user: { name: 'Second', roles: ['admin', 'user'] } } })
    })

    t.test('admin create refuses an account that exists, and changes nothing of it (F9)', async (t) => {
      const window = await service.signUp('boss@example.com')
      const { code, stdout, stderr } = await gatehouse(
        ['admin', 'create', '--email', 'Boss@Example.com'],
        env
      )
      t.equal(code, 1)
      t.equal(stdout, '')
      t.match(
        stderr,
        /^boss@example\.com has an account, which anybody may have registered\. --promote [^\n]*\n$/
      )
      await service.app.revocations.poll()
      t.match(await window.get('/auth/me'), { status: 200, body: { roles: ['user'] } })
    })

    t.test(
      'admin create --promote leaves nothing of what the account had but its link leads in (F9)',
      async (t) => {
        const window = await service.signUp('ann@example.com')
        const { id } = (await window.get('/auth/me')).body.user
        const { token: earlier } = await service.app.accounts.administration.startPasswordReset(id, operator)
        const promoted = await perform(env, 'admin create', { email: 'ann@example.com', promote: true })
        const [, token = ''] =
          /^ann@example\.com is an administrator now; its sessions and its password ended\. Choose .*:\n.*#token=(\S+)$/.exec(
            promoted.text
          ) ?? []
        await service.app.revocations.poll()
        t.equal((await window.get('/auth/me')).status, 401)
        t.equal((await window.post('/auth/refresh')).status, 401)
        const login = () => service.browser().post('/auth/login', { email: 'ann@example.com', password })
        t.match(await login(), { status: 401, body: { code: 'invalid_credentials' } })
        const redeem = (link: string) =>
          service.browser().post('/auth/password/reset', { token: link, password })
        t.match(await redeem(earlier), { status: 400, body: { code: 'invalid_token' } })
        t.equal((await redeem(token)).status, 204)
        t.match(await login(), { status: 200, body: { user: { id, roles: ['admin', 'user'] } } })
        const [event] = await service.app.store.audit.list({ limit: 1, type: 'user.promoted' })
        t.match(event, {
          actorId: 'operator',
          userId: id,
          detail: { before: ['user'], after: ['admin', 'user'], sessionsEnded: 1 }
        })
      }
    )

    t.test('admin create --promote gives the only administrator a way back in', async (t) => {
      const alone = await build(t, { engine })
      await alone.setUp()
      const { json } = await perform(alone.env, 'admin create', { email: 'root@example.com', promote: true })
      const [, token] = (json as { link: string }).link.split('#token=')
      t.equal((await alone.browser().post('/auth/password/reset', { token, password })).status, 204)
      t.equal(await alone.app.store.users.countAdministrators(), 1)
    })

    t.test('admin create --promote says how to enable a disabled account', async (t) => {
      await service.signUp('off@example.com')
      await perform(env, 'users disable', { email: 'off@example.com' })
      const { text, json } = await perform(env, 'admin create', { email: 'off@example.com', promote: true })
      const { id } = json as { id: string }
      t.match(
        text,
        `The account is disabled. Enable it: ./gatehouse users enable ${id}. Choose the password here`
      )
    })

    t.test('admin create --promote makes an account that does not exist', async (t) => {
      const { json } = await perform(env, 'admin create', { email: 'fresh@example.com', promote: true })
      t.match(json, { email: 'fresh@example.com', link: /#token=/ })
    })

    t.test('admin create --promote chooses no name for an account', async (t) => {
      const values = { email: 'ann@example.com', promote: true, name: 'Ann' }
      const message = 'ann@example.com has an account: its name and its password are its owner’s to choose'
      await t.rejects(perform(env, 'admin create', values), { message })
    })

    t.test('what the operator did is in the audit trail as the operator’s', async (t) => {
      const events = await service.app.store.audit.list({ limit: 50, actorId: 'operator' })
      t.strictSame([...new Set(events.map(({ type }) => type))].sort(), [
        'password.reset_started',
        'user.created',
        'user.disabled',
        'user.promoted'
      ])
    })
  })
}
