import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { availableParallelism } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { loadMasterKey, masterKeyWarnings } from '../domain/keys/master-key.ts'
import { build } from './harness/build.ts'
import { postgres, postgresUrl } from './harness/engines.ts'
import { newFolder } from './harness/folder.ts'
import { freePort } from './harness/port.ts'
import { run, start } from './harness/program.ts'

const EX_CONFIG = 78
const olderNode = await findOlderNode()

t.test(
  'wrong settings are named together on one failure, exit code 78, nothing on standard output',
  async (t) => {
    const { code, stdout, stderr } = await run(['server.ts'], {
      env: {
        AUTH_DATA_DIR: await newFolder(t),
        AUTH_ISUER: '1',
        AUTH_ACCESS_TTL: 'soon',
        AUTH_ISSUER: 'http://auth.example.com',
        AUTH_MASTER_KEY: 'c2hvcnQ',
        DATABASE_URL_FILE: '/nowhere/at/all'
      }
    })
    t.equal(code, EX_CONFIG)
    t.equal(stdout, '')
    t.strictSame(stderr.trimEnd().split('\n'), [
      'Wrong settings:',
      '  AUTH_ISUER is not a setting of Gatehouse. Did you mean AUTH_ISSUER?',
      "  DATABASE_URL cannot be read from the file that DATABASE_URL_FILE names: ENOENT: no such file or directory, open '/nowhere/at/all'",
      '  AUTH_ACCESS_TTL must be a duration such as 500ms, 10s, 5m, 24h or 30d',
      '  AUTH_ISSUER http://auth.example.com must be https: plain http is for a loopback address only',
      '  AUTH_MASTER_KEY must hold 32 bytes or more'
    ])
  }
)

t.test('the first boot, and the one after', async (t) => {
  const data = join(await newFolder(t), 'data')
  const port = await freePort()
  const env = { AUTH_DATA_DIR: data, PORT: port, AUTH_RATE_LIMIT_PER_IP: '0' }
  const first = await start(t, env)
  const path = join(data, 'master.key')
  const key = await readFile(path, 'utf8')

  t.test('a master key is made that only its owner reads', async (t) => {
    t.equal((await stat(path)).mode & 0o777, 0o600)
    t.equal((await stat(data)).mode & 0o077, 0, 'the folder is its owner’s alone')
    t.equal((await stat(join(data, 'gatehouse.db'))).isFile(), true)
  })

  t.test('one JSON line says that it is ready, with all that an operator wants to know', async (t) => {
    t.equal(first.lines().length, 1, 'on the first boot, too')
    const { time, setup, ...notice } = JSON.parse(first.lines().at(-1) ?? '')
    t.strictSame(notice, {
      level: 'info',
      msg: 'ready',
      url: `http://localhost:${port}`,
      listens: `http://127.0.0.1:${port}`,
      docs: `http://localhost:${port}/docs`,
      database: 'sqlite',
      mode: 'http on loopback',
      mail: 'is printed here',
      warnings: ['AUTH_RATE_LIMIT_PER_IP is off']
    })
    t.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000)
    t.match(setup, new RegExp(`^http://localhost:${port}/auth/setup#token=[A-Za-z0-9_-]{43}$`))
    t.equal((await fetch(`http://localhost:${port}/readyz`)).status, 200)
  })

  t.test('Ctrl+C ends it well, and it had nothing to complain of', async (t) => {
    const { code, stderr } = await first.stop()
    t.equal(code, 0)
    t.equal(stderr, '')
  })

  t.test('the next one goes by the same master key, and says as much to a quiet log', async (t) => {
    const second = await start(t, { ...env, LOG_LEVEL: 'warn' })
    t.equal(await readFile(path, 'utf8'), key)
    const [, token] = JSON.parse(second.lines().at(-1) ?? '').setup.split('#token=')
    const answer = await fetch(`http://localhost:${port}/auth/setup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token, email: 'root@example.com', password: 'correct horse battery staple' })
    })
    t.equal(answer.status, 201, 'its set-up link makes the first administrator')
    t.equal((await second.stop()).code, 0)
  })

  t.test('there is no set-up link any more once there is an administrator', async (t) => {
    const third = await start(t, { ...env, LOG_LEVEL: 'warn' })
    t.notOk('setup' in JSON.parse(third.lines().at(-1) ?? ''))
  })
})

t.test('a terminal gets the same as one block', { skip: await whyNoTerminal() }, async (t) => {
  const env = { AUTH_DATA_DIR: await newFolder(t), PORT: String(await freePort()) }
  const { code, lines } = await onTerminal(env, 'works once')
  t.equal(code, 0, 'Ctrl+C ends it well')
  t.equal(lines[0], '', 'the block is all there is')
  t.strictSame(lines.slice(1, 7), [
    `  Gatehouse            http://localhost:${env.PORT}`,
    `  Listens on           http://127.0.0.1:${env.PORT}`,
    `  API reference        http://localhost:${env.PORT}/docs`,
    '  Database             sqlite',
    '  Mode                 http on loopback',
    '  Mail                 is printed here'
  ])
  t.match(
    lines[7],
    /^ {2}First administrator {2}http:\/\/localhost:\d+\/auth\/setup#token=[A-Za-z0-9_-]{43}$/
  )
  t.equal(lines[8], '                       (works once, for 24 hours)')
})

t.test('`npm run dev` starts, too', async (t) => {
  const { scripts } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'))
  const [, ...words] = scripts.dev.split(' ')
  const port = await freePort()
  const env = { AUTH_DATA_DIR: await newFolder(t), PORT: port }
  const { stop } = await start(t, env, words)
  t.equal((await fetch(`http://localhost:${port}/readyz`)).status, 200)
  await stop()
})

t.test(
  'the thread pool has one thread for each processor, and four more',
  { skip: process.platform !== 'linux' && 'threads are read from /proc' },
  async (t) => {
    const { pid, url } = await start(t, { AUTH_DATA_DIR: await newFolder(t) })
    t.equal((await fetch(`${url}/readyz`)).status, 200)
    const tasks = await readdir(`/proc/${pid}/task`)
    const names = await Promise.all(tasks.map((task) => readFile(`/proc/${pid}/task/${task}/comm`, 'utf8')))
    t.equal(names.filter((name) => name === 'libuv-worker\n').length, availableParallelism() + 4)
  }
)

t.test('a failure that an operator can mend is told in one line', async (t) => {
  const fails = async (t: Test, env: Record<string, string>, code: number, said: RegExp) => {
    const ended = await run(['server.ts'], { env: { PORT: await freePort(), ...env } })
    t.match(ended.stderr.trimEnd(), said)
    t.equal(ended.stderr.trimEnd().split('\n').length, 1, ended.stderr)
    t.equal(ended.code, code, ended.stderr)
    t.notMatch(ended.stdout, '"ready"')
  }

  t.test('PORT in use', async (t) => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    t.teardown(() => other.close())
    const { port } = other.address() as { port: number }
    await fails(
      t,
      { AUTH_DATA_DIR: await newFolder(t), PORT: String(port) },
      1,
      new RegExp(`^PORT ${port} is in use by another program$`)
    )
  })

  t.test('a port for metrics in use', async (t) => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    t.teardown(() => other.close())
    const { port } = other.address() as { port: number }
    const env = { AUTH_DATA_DIR: await newFolder(t), AUTH_METRICS: String(port) }
    await fails(t, env, 1, new RegExp(`^AUTH_METRICS ${port} is in use by another program$`))
  })

  t.test('a PostgreSQL that does not answer', async (t) => {
    const DATABASE_URL = `postgres://gatehouse:hunter2@127.0.0.1:${await freePort()}/gatehouse`
    const env = { AUTH_DATA_DIR: await newFolder(t), DATABASE_URL }
    await fails(t, env, 1, /^The database cannot be used: connect ECONNREFUSED 127\.0\.0\.1:\d+$/)
  })

  t.test('a PostgreSQL without that database', { skip: postgres.missing }, async (t) => {
    const url = new URL(postgresUrl)
    url.pathname = '/gatehouse_has_no_such_database'
    const env = { AUTH_DATA_DIR: await newFolder(t), DATABASE_URL: url.href }
    await fails(t, env, 1, /"gatehouse_has_no_such_database" does not exist$/)
  })

  t.test('a SQLite file that is none', async (t) => {
    const data = await newFolder(t)
    await writeFile(
      join(data, 'gatehouse.db'),
      'this is a letter to my grandmother, and no database'.repeat(20)
    )
    await fails(t, { AUTH_DATA_DIR: data }, 1, /^The database cannot be used: file is not a database$/)
  })

  t.test('a data directory that cannot be made', async (t) => {
    const file = join(await newFolder(t), 'file')
    await writeFile(file, '')
    await fails(t, { AUTH_DATA_DIR: join(file, 'data') }, 1, /ENOTDIR/)
  })

  t.test('a master key that is another database’s', async (t) => {
    const service = await build(t, { env: { AUTH_MASTER_KEY: newKey() } })
    const env = { ...service.env, AUTH_MASTER_KEY: newKey() }
    await fails(t, env, EX_CONFIG, /^The master key does not open the signing keys of this database/)
  })

  t.test('a master.key that others can read', async (t) => {
    const data = await newFolder(t)
    const path = join(data, 'master.key')
    await writeFile(path, `${newKey()}\n`)
    for (const mode of [0o604, 0o606, 0o644, 0o666]) {
      await chmod(path, mode)
      t.throws(
        () => loadMasterKey('', data, { mayMake: true }),
        /master\.key can be read by others: chmod 600 it$/
      )
    }
    await fails(t, { AUTH_DATA_DIR: data }, EX_CONFIG, /master\.key can be read by others: chmod 600 it$/)
  })

  t.test(
    'but one that a group can read starts, with a warning: fsGroup opens it at every mount',
    async (t) => {
      const data = await newFolder(t)
      const path = join(data, 'master.key')
      await writeFile(path, `${newKey()}\n`)
      for (const mode of [0o640, 0o660, 0o670]) {
        await chmod(path, mode)
        t.ok(loadMasterKey('', data, { mayMake: true }))
        t.match(masterKeyWarnings('', data), [/master\.key can be read by its group: chmod 600 it/])
        t.strictSame(masterKeyWarnings(newKey(), data), [], 'it is not in force')
      }
      await chmod(path, 0o600)
      t.strictSame(masterKeyWarnings('', data), [])
    }
  )

  t.test('a master.key that holds none', async (t) => {
    const data = await newFolder(t)
    await writeFile(join(data, 'master.key'), 'changeme\n', { mode: 0o600 })
    await fails(t, { AUTH_DATA_DIR: data }, EX_CONFIG, /master\.key does not hold a master key$/)
  })
})

t.test('two first boots at the same moment end with one master key', async (t) => {
  for (let round = 0; round < 5; round += 1) {
    const env = { AUTH_DATA_DIR: await newFolder(t) }
    const apps = await Promise.all([build(t, { env }), build(t, { env })])
    const [one, two] = apps.map(({ app }) => app.derivedKeys.refreshToken.current.export().toString('hex'))
    t.equal(one, two)
  }
})

t.test(
  'an older Node is refused in one line before anything is loaded',
  { skip: !olderNode && 'no Node older than 22.19 on PATH' },
  async (t) => {
    for (const program of ['server.ts', 'cli.ts']) {
      const { code, stdout, stderr } = await run(['--import', './check-node.js', program], {
        node: olderNode,
        env: { NODE_OPTIONS: '' }
      })
      t.equal(code, EX_CONFIG)
      t.equal(stdout, '')
      t.match(stderr, /^Gatehouse needs Node\.js 22\.19 or newer; this is \d+\.\d+\.\d+\..*\n$/)
    }
  }
)

function newKey(): string {
  return randomBytes(48).toString('base64url')
}

/** The service on a terminal of its own, ended by Ctrl+C once it has written `until`. */
async function onTerminal(env: Record<string, string>, until: string) {
  const child = spawn('script', ['-qefc', `exec ${process.execPath} server.ts`, '/dev/null'], {
    cwd: new URL('..', import.meta.url),
    env: { PATH: process.env.PATH, TERM: 'dumb', ...env }
  })
  let seen = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    if (!seen.includes(until) && `${seen}${part}`.includes(until)) child.stdin.write('\u0003')
    seen += part
  })
  const [code] = await once(child, 'close')
  return { code, lines: seen.replaceAll('\r', '').split('\n') }
}

async function whyNoTerminal(): Promise<string | false> {
  try {
    const { stdout } = await promisify(execFile)('script', ['--version'])
    return stdout.includes('util-linux') ? false : 'this `script` is not that of util-linux'
  } catch {
    return '`script` (util-linux), which makes a terminal, is not installed'
  }
}

async function findOlderNode(): Promise<string | undefined> {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    const node = join(directory, 'node')
    const version = await promisify(execFile)(node, ['--version'], { env: {} }).catch(() => undefined)
    const [major = 0, minor = 0] = (version?.stdout.slice(1) ?? '').split('.').map(Number)
    if (version && (major < 22 || (major === 22 && minor < 19))) return node
  }
  return undefined
}
