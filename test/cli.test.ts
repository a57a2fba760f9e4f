import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { type Command, type OptionValues, UsageError } from '../commands/command.ts'
import { commands } from '../commands/index.ts'
import manifest from '../package.json' with { type: 'json' }
import { build } from './harness/build.ts'
import { gatehouse, gatehouseJson, perform } from './harness/command.ts'
import { sqlite } from './harness/engines.ts'
import { run } from './harness/program.ts'

const EX_USAGE = 64
const EX_CONFIG = 78

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
  t.equal(ofUsers.length, 8)
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
  const { settings, warnings } = await gatehouseJson(['config'], env)
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
  const first = await gatehouseJson(['migrate'], env)
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
