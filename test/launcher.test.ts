import { execFile } from 'node:child_process'
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { newFolder } from './harness/folder.ts'
import { freePort } from './harness/port.ts'
import { startServer } from './harness/program.ts'
import { install } from './verifier/packed.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const EX_CONFIG = 78
/** What a service user has: neither a home nor a Node.js of its own. */
const BARE = { PATH: '/usr/bin:/bin' }

interface Ended {
  code: number
  stdout: string
  stderr: string
}

async function launch(
  path: string,
  args: string[],
  env: NodeJS.ProcessEnv = BARE,
  cwd = tmpdir()
): Promise<Ended> {
  try {
    const { stdout, stderr } = await promisify(execFile)(path, args, { env, cwd })
    return { code: 0, stdout, stderr }
  } catch (error) {
    return error as Ended
  }
}

t.test('the launcher works from another folder, through links, without a home', async (t) => {
  const folder = await newFolder(t)
  await symlink(join(ROOT, 'gatehouse'), join(folder, 'first'))
  await symlink('first', join(folder, 'second'))
  const { code, stdout, stderr } = await launch(join(folder, 'second'), ['config', '--json'])
  t.equal(stderr, '')
  t.equal(code, 0)
  t.match(JSON.parse(stdout), { settings: [{ name: 'HOST', value: '127.0.0.1', source: 'default' }] })
})

t.test('without a Node.js, or with an old one alone, the launcher says so in one line', async (t) => {
  const folder = await newFolder(t)
  for (const file of ['gatehouse', 'check-node.js']) await cp(join(ROOT, file), join(folder, file))
  const none = await newFolder(t)
  for (const tool of ['dirname', 'readlink']) await symlink(await pathOf(tool), join(none, tool))
  const lost = await launch('/bin/sh', [join(folder, 'gatehouse')], { PATH: none })
  t.strictSame(
    { code: lost.code, stdout: lost.stdout, stderr: lost.stderr },
    {
      code: EX_CONFIG,
      stdout: '',
      stderr:
        'Gatehouse needs Node.js 22.19 or newer; there is none here. See "Node.js" in docs/operations.md.\n'
    }
  )

  const old = await newFolder(t)
  await writeFile(
    join(old, 'node'),
    `#!/bin/sh\nexec ${process.execPath} --import ${join(old, 'age.mjs')} "$@"\n`,
    {
      mode: 0o755
    }
  )
  await writeFile(
    join(old, 'age.mjs'),
    "Object.defineProperty(process.versions, 'node', { value: '20.20.2' })\n"
  )
  const refused = await launch(join(folder, 'gatehouse'), [], { PATH: `${old}:${BARE.PATH}` })
  t.equal(refused.code, EX_CONFIG)
  t.equal(
    refused.stderr,
    'Gatehouse needs Node.js 22.19 or newer; this is 20.20.2. See "Node.js" in docs/operations.md.\n'
  )
})

t.test('service and commands read `.env`; the environment has precedence', async (t) => {
  const folder = await newFolder(t)
  await writeFile(join(folder, '.env'), 'AUTH_ISSUER=https://auth.example.com\nAUTH_JWT_ALG=EdDSA\n')
  const env = { ...BARE, AUTH_JWT_ALG: 'RS256' }
  const { stdout } = await launch(join(ROOT, 'gatehouse'), ['config', '--json'], env, folder)
  const shown = JSON.parse(stdout).settings.filter(({ name }: { name: string }) =>
    ['AUTH_ISSUER', 'AUTH_AUDIENCE', 'AUTH_JWT_ALG'].includes(name)
  )
  t.strictSame(shown, [
    { name: 'AUTH_ISSUER', value: 'https://auth.example.com', source: '.env' },
    { name: 'AUTH_AUDIENCE', value: 'https://auth.example.com', source: 'default' },
    { name: 'AUTH_JWT_ALG', value: 'RS256', source: 'environment' }
  ])

  const server = await startServer({ AUTH_DATA_DIR: join(folder, 'data') }, undefined, folder)
  t.teardown(() => server.stop())
  const metadata = await fetch(`${server.url}/.well-known/oauth-authorization-server`)
  t.match(await metadata.json(), { issuer: 'https://auth.example.com' })
})

t.test('a `.env` that cannot be read is named', async (t) => {
  const folder = await newFolder(t)
  await mkdir(join(folder, '.env'))
  const { code, stderr } = await launch(join(ROOT, 'gatehouse'), ['config'], BARE, folder)
  t.equal(code, EX_CONFIG)
  t.match(stderr, /^Wrong settings:\n {2}\.env cannot be read: .+\n$/)
})

t.test('an installation without development dependencies', async (t) => {
  const folder = await newFolder(t)
  const own = new Set(['.git', '.tap', 'node_modules', 'data', 'dist', 'test', 'bench'])
  await cp(ROOT, folder, { recursive: true, filter: (path) => path === ROOT || !own.has(basename(path)) })
  const missing = await install(folder, ['ci', '--omit=dev'])

  t.test('starts, and its commands work without a home', { skip: missing }, async (t) => {
    const gatehouse = join(folder, 'gatehouse')
    const env = { ...BARE, PORT: String(await freePort()) }
    const made = await launch(gatehouse, ['roles', 'set', 'editor', '--scope', 'a:b'], env, folder)
    t.equal(made.stdout, 'Role editor created: a:b\n', made.stderr)
    const server = await startServer(
      { ...env, AUTH_DATA_DIR: join(folder, 'data') },
      [join(folder, 'server.ts')],
      folder
    )
    t.teardown(() => server.stop())
    t.equal((await fetch(`${server.url}/readyz`)).status, 200)
    const set = await launch(gatehouse, ['roles', 'set', 'editor', '--scope', 'b:c'], env, folder)
    t.equal(set.stdout, 'Role editor changed: b:c\n', set.stderr)
  })
})

async function pathOf(tool: string): Promise<string> {
  return (await promisify(execFile)('/bin/sh', ['-c', `command -v ${tool}`])).stdout.trim()
}
