import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { type Command, type OptionValues, UsageError } from '../commands/command.ts'
import { commands } from '../commands/index.ts'
import { operator } from '../commands/operator.ts'
import { TOKEN_EXCHANGE } from '../domain/oauth/token-exchange.ts'
import manifest from '../package.json' with { type: 'json' }
import { build, password } from './harness/build.ts'
import { perform } from './harness/command.ts'
import { engines, sqlite } from './harness/engines.ts'
import { run } from './harness/program.ts'

const EX_USAGE = 64
const EX_CONFIG = 78

interface CreatedClient {
  client_id: string
  client_secret: string
  audiences: string[]
  grants: string[]
}

const gatehouse = (args: string[], env: Record<string, string> = {}, input = '') =>
  run(['cli.ts', ...args], { env, input })

async function json(args: string[], env: Record<string, string>, input = '') {
  const { code, stdout, stderr } = await gatehouse([...args, '--json'], env, input)
  if (code !== 0) throw new Error(`gatehouse ${args.join(' ')}: ${stderr}`)
  return JSON.parse(stdout)
}

const USAGE = 'Usage: ./gatehouse <command> [--json] [--help]\n       ./gatehouse --version\n\n'

const helpOf = ({ name, usage, summary }: Command) =>
  `${`  ./gatehouse ${name} ${usage}`.trimEnd()}\n      ${summary}\n`

t.test('help lists every command, and each explains itself without a database', async (t) => {
  const env = { DATABASE_URL: 'postgres://127.0.0.1:1/x' }
  const all = await gatehouse(['--help'], env)
  t.equal(all.code, 0)
  t.equal(all.stdout, `${USAGE}${commands.map(helpOf).join('')}`, 'in the order of the list')
  for (const words of ['migrate', 'keys import']) {
    const command = commands.find(({ name }) => name === words) as Command
    const { code, stdout, stderr } = await gatehouse([...words.split(' '), '--help'], env)
    t.equal(code, 0, words)
    t.equal(stderr, '')
    t.equal(stdout, helpOf(command))
  }
})

t.test('the first word of some commands lists these commands', async (t) => {
  const ofUsers = commands.filter(({ name }) => name.startsWith('users ')).map(helpOf)
  t.equal(ofUsers.length, 6)
  const listed = { code: 0, stdout: USAGE + ofUsers.join(''), stderr: '' }
  t.strictSame(await gatehouse(['users']), listed)
})

t.test('a mistyped command or option is answered with the nearest one', async (t) => {
  const list = commands.find(({ name }) => name === 'users list') as Command
  t.strictSame(await gatehouse(['user', 'list']), {
    code: EX_USAGE,
    stdout: '',
    stderr: `There is no command user list. Did you mean users list?\n\n${USAGE}${helpOf(list)}`
  })
  t.strictSame(await gatehouse(['users', 'list', '--disbaled']), {
    code: EX_USAGE,
    stdout: '',
    stderr: `There is no option --disbaled. Did you mean --disabled?\n${helpOf(list)}`
  })
})

t.test('--version prints the version of package.json', async (t) => {
  t.strictSame(await gatehouse(['--version']), { code: 0, stdout: `${manifest.version}\n`, stderr: '' })
})

t.test('a reader that closes the pipe early, as head does, is no error', async (t) => {
  const piped = `'${fileURLToPath(new URL('../gatehouse', import.meta.url))}' --help | true`
  t.strictSame(await run(['-c', piped], { node: '/bin/sh' }), { code: 0, stdout: '', stderr: '' })
})

t.test('no command’s words begin with those of another, which would answer for it', async (t) => {
  for (const { name } of commands)
    t.strictSame(
      commands.filter((other) => `${other.name} `.startsWith(`${name} `)).map((other) => other.name),
      [name]
    )
})

t.test('a command called wrongly says so on standard error and exits with 64', async (t) => {
  const wrong = [
    ['frobnicate'],
    ['admin', 'create'],
    ['clients', 'create', '--name', 'reports', '--scope', 'a:b', 'c:d'],
    ['sessions', 'end', '--user', 'ada@example.com', '--user', 'bob@example.com'],
    ['clients', 'create', '--name', 'reports', '--scope', 'a:b', '--audiences', 'https://a.example.com']
  ]
  for (const args of wrong) {
    const { code, stdout, stderr } = await gatehouse(args, { DATABASE_URL: 'postgres://127.0.0.1:1/x' })
    t.equal(code, EX_USAGE, args.join(' '))
    t.equal(stdout, '')
    t.match(stderr, /gatehouse /)
    t.notMatch(stderr, /\n\s+at /)
  }
})

t.test('what a command lacks is refused before anything is opened', async (t) => {
  const cases: Array<[name: string, values: OptionValues, words: string[]]> = [
    ['admin create', {}, []],
    ['admin create', { email: '' }, []],
    ['admin create', { email: 'a@example.com', name: 'A\nB: c' }, []],
    ['clients create', {}, []],
    ['clients create', { name: 'reports' }, []],
    ['clients create', { scope: 'a:b' }, []],
    ['clients create', { name: '', scope: 'a:b' }, []],
    ['clients create', { name: 'a\nb', scope: 'a:b' }, []],
    ['clients create', { name: 'n'.repeat(101), scope: 'a:b' }, []],
    ['clients create', { name: 'reports', scope: 'a  b' }, []],
    ['clients create', { name: 'reports', scope: 'a"b' }, []],
    ['clients create', { name: 'reports', scope: 'a:b', audience: [''] }, []],
    ['clients create', { name: 'reports', scope: 'a:b', grant: '' }, []],
    ['clients create', { name: 'reports', scope: 'a:b', grant: 'password' }, []],
    ['clients create', { name: 'reports', scope: 'a:b', grant: 'token-exchange token-exchange' }, []],
    [
      'clients create',
      { name: 'reports', scope: 'a:b', audience: ['https://a.example.com https://b.example.com'] },
      []
    ],
    ['clients create', { name: 'reports', scope: 'a:b', audience: ['urn:a', 'urn:a'] }, []],
    ['clients disable', {}, []],
    ['users list', { limit: '0' }, []],
    ['users list', { limit: 'all' }, []],
    ['keys import', {}, []],
    ['roles set', { scope: 'a:b' }, []],
    ['roles set', {}, ['editor']],
    ['roles set', { scope: 'a:b' }, ['Not A Role']],
    ['roles set', { scope: 'a  b' }, ['editor']],
    ['roles set', { scope: 'a:b', description: 'd'.repeat(201) }, ['editor']]
  ]
  for (const [name, values, words] of cases) {
    const thrown = await perform({}, name, values, words).catch((error: unknown) => error)
    t.ok(thrown instanceof UsageError, `${name} ${JSON.stringify(values)} ${words}`)
  }
})

t.test('config shows every setting with its source, and no secret', async (t) => {
  const env = {
    DATABASE_URL: 'postgres://gatehouse:hunter2@db/gatehouse',
    AUTH_ACCESS_TTL: '10m',
    AUTH_RATE_LIMIT_PER_IP: '0'
  }
  const { code, stdout } = await gatehouse(['config'], env)
  t.equal(code, 0)
  t.match(stdout, /^AUTH_ACCESS_TTL +environment +10m$/m)
  t.match(stdout, /^DATABASE_URL +environment +\*{8}$/m)
  t.match(stdout, /^PORT +default +3000$/m)
  t.match(stdout, /^Warning: AUTH_RATE_LIMIT_PER_IP is off$/m)
  const { settings, warnings } = await json(['config'], env)
  t.strictSame(warnings, ['AUTH_RATE_LIMIT_PER_IP is off'])
  t.strictSame(settings.at(0), { name: 'HOST', value: '127.0.0.1', source: 'default' })
  t.notMatch(stdout + JSON.stringify(settings), 'hunter2')
})

t.test('wrong settings stop every command with 78, named together', async (t) => {
  for (const args of [['config'], ['roles', 'set', 'editor', '--scope', 'a:b']]) {
    const { code, stderr } = await gatehouse(args, { AUTH_NO_SUCH: '1', AUTH_DOCS: 'maybe' })
    t.equal(code, EX_CONFIG)
    t.match(stderr, /AUTH_NO_SUCH is not a setting of Gatehouse\n {2}AUTH_DOCS must be one of on, off/)
  }
})

t.test('migrate makes the schema, once', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const env = { AUTH_DATA_DIR: folder }
  const first = await json(['migrate'], env)
  t.ok(first.migrated.includes('0001-initial'))
  t.equal((await gatehouse(['migrate'], env)).stdout, 'The database is up to date.\n')
})

t.test('a database that does not answer is told in one line, exit code 1', async (t) => {
  const { code, stdout, stderr } = await gatehouse(['migrate'], {
    DATABASE_URL: 'postgres://x@127.0.0.1:1/x'
  })
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(stderr, /^[^\n]*ECONNREFUSED 127\.0\.0\.1:1\n$/)
})

t.test('what the service would refuse is told in one line, exit code 1', async (t) => {
  const { app, env } = await build(t, { engine: sqlite })
  const weak = await gatehouse(
    ['admin', 'create', '--email', 'w@example.com', '--password-stdin'],
    env,
    'short\n'
  )
  t.equal(weak.code, 1)
  t.match(weak.stderr, /^Choose another password\. Use 12 characters or more\.\n$/)
  t.equal(await app.store.users.findByEmail('w@example.com'), undefined)
  const builtIn = await gatehouse(['roles', 'set', 'admin', '--scope', 'a:b'], env)
  t.equal(builtIn.code, 1)
  t.equal(builtIn.stderr, 'A built-in role cannot be changed in this way.\n')
  const wrong = await gatehouse(['admin', 'create', '--email', 'nobody'], env)
  t.ok(wrong.code === 1 || wrong.code === EX_USAGE, `exit ${wrong.code}`)
  t.match(wrong.stderr, /This is not an e-mail address/)
})

for (const engine of engines) {
  t.test(`beside a running service on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const { env } = service

    t.test('admin create prints a link by which the first administrator chooses a password', async (t) => {
      const { id, email, link } = await json(['admin', 'create', '--email', 'Root@Example.com'], env)
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

    t.test('roles set creates and changes a role, and makes tokens stale in the service', async (t) => {
      const created = await perform(env, 'roles set', { scope: 'b:c a:b', description: 'Edits' }, ['editor'])
      t.strictSame(created.json, {
        name: 'editor',
        description: 'Edits',
        scope: ['a:b', 'b:c'],
        done: 'created'
      })
      const window = await service.signUp('bob@example.com')
      const { id } = (await window.get('/auth/me')).body.user
      await service.app.accounts.administration.changeUser(id, { roles: ['editor'] }, operator)
      await window.post('/auth/refresh')
      t.equal((await window.get('/auth/me')).body.scope, 'a:b b:c')

      const changed = await gatehouse(['roles', 'set', 'editor', '--scope', 'd:e'], env)
      t.equal(changed.stdout, 'Role editor changed: d:e\n')
      await service.app.revocations.poll()
      t.match(await window.get('/auth/me'), { status: 401, body: { code: 'token_stale' } })
      t.equal((await window.post('/auth/refresh')).status, 200)
      t.equal((await window.get('/auth/me')).body.scope, 'd:e')
    })

    t.test('roles set takes an empty scope, and refuses to change admin', async (t) => {
      t.match((await perform(env, 'roles set', { scope: '' }, ['editor'])).json, { scope: [] })
      await t.rejects(perform(env, 'roles set', { scope: 'a:b' }, ['admin']), { code: 'role_built_in' })
    })

    /** The status of a token request at the service that runs, and what it answered. */
    async function askToken(id: string, secret: string) {
      const form = { grant_type: 'client_credentials', client_id: id, client_secret: secret }
      return service.browser({}).post('/oauth/token', new URLSearchParams(form).toString(), {
        'content-type': 'application/x-www-form-urlencoded'
      })
    }

    const create = async (values: OptionValues) =>
      (await perform(env, 'clients create', values)).json as CreatedClient

    t.test(
      'clients create prints the id and the secret, by which the service gives tokens at once',
      async (t) => {
        const scope = 'users:read orders:read users:read'
        const { code, stdout, stderr } = await gatehouse(
          ['clients', 'create', '--name', 'Nightly reports', '--scope', scope],
          env
        )
        t.equal(code, 0)
        t.equal(stderr, '')
        const [, id = '', secret = ''] =
          /^client_id: (\S+)\nclient_secret: (ghs_[\w-]{43})\n$/.exec(stdout) ?? []
        const answer = await askToken(id, secret)
        t.match(answer, { status: 200, body: { scope: 'orders:read users:read' } })
        const machine = service.browser({ authorization: `Bearer ${answer.body.access_token}` })
        t.equal((await machine.get('/admin/users')).status, 200)
        const client = await service.app.store.clients.find(id)
        t.match(client, { name: 'Nightly reports', audiences: [], disabled: false, version: 1, jwks: [] })
        t.equal(client?.secrets.length, 1)
        t.notOk(JSON.stringify(client).includes(secret), 'the secret itself is kept nowhere')
      }
    )

    t.test('clients create --json says all of it, for the audience that was given', async (t) => {
      const audience = 'https://orders.example.com'
      const made = await create({ name: 'orders', scope: 'b:c a:b', audience: [audience] })
      const { client_id: id, client_secret: secret, ...rest } = made
      const grants = ['client_credentials']
      t.strictSame(rest, { name: 'orders', scope: 'a:b b:c', audiences: [audience], grants })
      const { body } = await askToken(id, secret)
      const claims = JSON.parse(Buffer.from(body.access_token.split('.')[1], 'base64url').toString())
      t.match(claims, { aud: audience, sub: id, client_id: id, scope: 'a:b b:c' })
      const plain = await create({ name: 'plain', scope: 'a:b' })
      t.strictSame(plain.audiences, ['http://localhost:3000'], 'its own one, if none was given')
    })

    t.test('clients create takes several audiences, and other options once', async (t) => {
      const audiences = ['https://orders.example.com', 'https://stock.example.com']
      const words = ['clients', 'create', '--name', 'both', '--scope', 'a:b']
      const made = await json([...words, ...audiences.flatMap((each) => ['--audience', each])], env)
      t.strictSame(made.audiences, audiences)
      const twice = await gatehouse([...words, '--name', 'again'], env)
      t.match(twice, { code: EX_USAGE, stderr: /^--name is given twice\n/ })
    })

    t.test('clients create gives the grants that are named, and else client_credentials alone', async (t) => {
      const grantsOf = async (grant: string) => (await create({ name: 'x', scope: 'a:b', grant })).grants
      t.strictSame(await grantsOf('token-exchange'), [TOKEN_EXCHANGE])
      const both = ['client_credentials', TOKEN_EXCHANGE]
      t.strictSame(await grantsOf(both.join(' ')), both)
    })

    t.test('clients create makes another client each time, though the name is taken', async (t) => {
      const twins = [
        await create({ name: 'twin', scope: 'a:b' }),
        await create({ name: 'twin', scope: 'a:b' })
      ]
      t.equal(new Set(twins.map(({ client_id: id }) => id)).size, 2)
      t.equal(new Set(twins.map(({ client_secret: secret }) => secret)).size, 2)
    })

    t.test('clients create writes no secret into the audit trail', async (t) => {
      const { client_id: clientId, client_secret: secret } = await create({ name: 'traced', scope: 'a:b' })
      const [event] = await service.app.store.audit.list({ limit: 1, type: 'client.created' })
      t.match(event, { actorId: 'operator', detail: { clientId, scope: ['a:b'] } })
      t.notOk(JSON.stringify(event).includes(secret))
    })

    t.test('what the operator did is in the audit trail as the operator’s', async (t) => {
      const events = await service.app.store.audit.list({ limit: 50, actorId: 'operator' })
      const types = new Set(events.map(({ type }) => type))
      t.strictSame([...types].sort(), [
        'client.created',
        'password.reset_started',
        'role.changed',
        'role.created',
        'user.created',
        'user.disabled',
        'user.promoted',
        'user.roles_changed'
      ])
    })
  })
}
