import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { password } from '../harness/build.ts'
import { newFolder } from '../harness/folder.ts'
import { freePort } from '../harness/port.ts'
import { run, start } from '../harness/program.ts'
import { startConsumer, startScript } from './consumer.ts'
import { listen } from './gatehouse.ts'
import { nodeOf } from './nodes.ts'
import { install, packVerifier } from './packed.ts'
import { call } from './services.ts'
import { eventually } from './tokens.ts'

const HERE = fileURLToPath(new URL('.', import.meta.url))
/** Bytes: a leak of a hundred bytes a poll would be 800,000. */
const HEAP_GROWTH = 400_000
const SOURCE = fileURLToPath(new URL('../../verifier', import.meta.url))
const TSC = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url))
const TYPES = fileURLToPath(new URL('../../node_modules/@types', import.meta.url))

const folder = await newFolder(t)
const packed = await packVerifier(t, folder)
await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'shop', private: true, type: 'module' }))
const missing = await install(folder, [
  'install',
  packed.tarball,
  'fastify@5',
  'express@5',
  '@types/express@5'
])
const installed = join(folder, 'node_modules/@gatehouse/verifier')

t.test('the tarball has what was built of each source, the README and nothing else', async (t) => {
  const sources = (await readdir(SOURCE)).filter((file) => file.endsWith('.ts'))
  const built = sources.flatMap((file) => [file.replace('.ts', '.d.ts'), file.replace('.ts', '.js')])
  const expected = ['README.md', 'package.json', ...built.map((file) => `dist/${file}`)]
  t.strictSame(packed.files.toSorted(), expected.toSorted())
})

t.test('nothing in it leads outside of it but to its dependencies', { skip: missing }, async (t) => {
  const { dependencies, peerDependencies } = JSON.parse(
    await readFile(join(installed, 'package.json'), 'utf8')
  )
  const declared = Object.keys({ ...dependencies, ...peerDependencies })
  for (const file of packed.files.filter((each) => /\.(js|ts)$/.test(each))) {
    for (const specifier of await importsOf(file)) {
      const why = `${file} imports ${specifier}`
      if (specifier.startsWith('.')) t.ok(packed.files.includes(targetOf(file, specifier)), why)
      else t.ok(declared.includes(specifier) || specifier.startsWith('node:') || isBuiltin(specifier), why)
    }
  }
})

t.test('who has no Fastify need not install it', { skip: missing }, async (t) => {
  for (const entry of ['dist/index.js', 'dist/express.js']) {
    const imports = await closureOf(entry)
    t.notOk(imports.has('fastify') || imports.has('fastify-plugin'), entry)
    t.ok(imports.has('fast-jwt'))
  }
  t.ok((await closureOf('dist/fastify.js')).has('fastify-plugin'))
})

const consumer = `
import { createServer, type IncomingMessage } from 'node:http'
import { createVerifier, Refusal, type Auth, type Claims, type RefusalCode, type Verifier } from '@gatehouse/verifier'
import createGuard from '@gatehouse/verifier/express'
import guard, { authOf, type GuardOptions } from '@gatehouse/verifier/fastify'
import express from 'express'
import Fastify from 'fastify'

const { ISSUER: issuer = '' } = process.env
const options = { issuer, audience: issuer, revocations: 'none' } as const
const app = Fastify()
await app.register(guard, options)
const buyers: GuardOptions = { scope: 'orders:read', fresh: '10m', kind: 'user' }
app.get('/open', { preHandler: app.guard() }, async ({ auth }) => ({ subject: auth?.subject }))
app.get('/buyers', { preHandler: app.guard(buyers) }, async (request) => ({ scope: authOf(request).scope.join(' ') }))

const verifier: Verifier = createVerifier({ ...options, algorithms: ['ES256'] })
app.get('/verified', async ({ headers }, reply) => {
  try {
    const { claims }: Auth = await verifier.verify(String(headers.authorization).slice('Bearer '.length))
    const { jti }: Claims = claims
    return { jti }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const code: RefusalCode = error.code
    reply.code(error.status)
    return { code }
  }
})

const middleware = createGuard(options)
express().get('/orders', middleware({ scope: 'orders:read' }), (request, response) => {
  response.json({ subject: request.auth?.subject, roles: authOf(request).roles })
})
const admit = middleware({ roles: ['user'] })
const bare = createServer((request: IncomingMessage & { auth?: Auth | null }, response) => {
  admit(request, response, () => response.end(JSON.stringify({ subject: request.auth?.subject })))
})
bare.listen(0, '127.0.0.1', async () => {
  const address = bare.address()
  const port = typeof address === 'object' && address ? address.port : 0
  console.log(JSON.stringify({ bare: port, fastify: await app.listen({ host: '127.0.0.1', port: 0 }) }))
})
`

t.test('a strict TypeScript project type-checks with it', { skip: missing }, async (t) => {
  const compilerOptions = {
    target: 'es2024',
    module: 'nodenext',
    moduleResolution: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    types: ['node'],
    typeRoots: [TYPES]
  }
  const wrong = [
    "createVerifier({ issuer: 'x', revocations: 'none' })",
    "createVerifier({ issuer: 'x', audience: 'y' })",
    "createVerifier({ issuer: 'x', audience: 'y', revocations: 'some' })",
    "createVerifier({ ...options, algorithms: ['HS256'] })",
    "createGuard(options)({ role: 'admin' })",
    "app.guard({ from: 'body' })",
    "app.get('/', async ({ auth }) => auth.subject)",
    "app.get('/', async (request) => authOf(request).email)",
    "app.register(guard, { issuer: 'x', audience: 'y' })"
  ]
  const files = ['consumer.ts', 'wrong.ts']
  await writeFile(join(folder, 'consumer.ts'), consumer)
  await writeFile(join(folder, 'wrong.ts'), [consumer, ...wrong].join('\n'))
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  const { stdout } = await run([TSC, '-p', '.', '--pretty', 'false'], { cwd: folder })

  const complaints = [...stdout.matchAll(/^(\S+)\((\d+),\d+\): error /gm)]
  const first = consumer.split('\n').length + 1
  t.strictSame(
    complaints.map(([, file, line]) => `${file}:${line}`),
    wrong.map((_, index) => `wrong.ts:${first + index}`),
    'of each wrong line and of nothing else'
  )
})

t.test('a service of its own guarded by it answers 200, 401 and 403', { skip: missing }, async (t) => {
  const gatehouse = await listen(t)
  const ada = await gatehouse.signUp()
  const now = Math.floor(gatehouse.clock() / 1000)
  const person = { sid: 'session', sub: 'bob', roles: ['user'], ver: 1, auth_time: now, scope: 'orders:read' }
  const buyer = gatehouse.sign(gatehouse.machine(person))
  await writeFile(join(folder, 'consumer.ts'), consumer)
  const { bare, fastify } = await startConsumer(t, folder, 'consumer.ts', { ISSUER: gatehouse.issuer })

  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
  const told = async (origin: string, path: string, headers = {}) => {
    const { status, body } = await call(origin, path, headers)
    return [status, body.code ?? body]
  }
  const token = ada.value('access')
  t.match(await told(fastify, '/open', bearer(token)), [200, { subject: String }])
  t.match(await told(fastify, '/open', { cookie: `access=${token}` }), [200, { subject: String }])
  t.strictSame(await told(fastify, '/open'), [401, 'unauthorized'])
  t.strictSame(await told(fastify, '/open', bearer(`${token}x`)), [401, 'unauthorized'])
  t.strictSame(await told(fastify, '/buyers', bearer(token)), [403, 'forbidden'])
  t.strictSame(await told(fastify, '/buyers', bearer(buyer)), [200, { scope: 'orders:read' }])
  t.match(await told(fastify, '/verified', bearer(token)), [200, { jti: String }])
  t.strictSame(await told(fastify, '/verified', bearer('x.y.z')), [401, 'unauthorized'])
  const node = `http://127.0.0.1:${bare}`
  t.strictSame(await told(node, '/', bearer(buyer)), [200, { subject: 'bob' }])
  t.strictSame(await told(node, '/', bearer(gatehouse.sign(gatehouse.machine()))), [403, 'forbidden'])
  t.strictSame(await told(node, '/'), [401, 'unauthorized'])
})

const { engines } = JSON.parse(await readFile(join(SOURCE, 'package.json'), 'utf8'))
/** The oldest that the package claims to run on, one between, and this one. */
const nodes = missing
  ? []
  : await Promise.all(
      [engines.node.replace('>=', '').concat('.0'), '22.23.5', process.versions.node].map(nodeOf)
    )

for (const { version, path, missing } of nodes)
  t.test(
    `both guards and a verifier on Node.js ${version} accept a user until the sign-out`,
    { skip: missing },
    async (t) => {
      const gatehouse = await listen(t)
      const ada = await gatehouse.signUp()
      await copyFile(join(HERE, 'service.js'), join(folder, 'service.js'))
      const env = { ISSUER: gatehouse.issuer, FEED_TOKEN: gatehouse.follower() }
      const service = await startConsumer(t, folder, 'service.js', env, path)
      t.equal(service.version, version)
      const headers = { authorization: `Bearer ${ada.value('access')}` }
      const addresses = [`${service.fastify}/`, `${service.fastify}/verified`, `${service.express}/`]
      const told = () => Promise.all(addresses.map(async (each) => (await fetch(each, { headers })).status))
      t.strictSame(await told(), [200, 200, 200])
      await ada.post('/auth/logout')
      await eventually(async () => (await told()).every((status) => status === 401))
    }
  )

const [oldest] = nodes
t.test(
  '10,000 polls of the feed leave the heap flat on the oldest Node.js',
  { skip: oldest?.missing ?? missing },
  async (t) => {
    await copyFile(join(HERE, 'many-polls.js'), join(folder, 'many-polls.js'))
    const node = oldest?.path as string
    const { stdout, stderr } = await run(['--expose-gc', 'many-polls.js'], { node, cwd: folder })
    t.equal(stderr, '')
    t.ok(Number(stdout) < HEAP_GROWTH, `${stdout.trim()} bytes`)
  }
)

/** The first ```ts block below a heading of the verifier's README. */
async function snippet(heading: string): Promise<string> {
  const [, after = ''] = (await readFile(join(SOURCE, 'README.md'), 'utf8')).split(`## ${heading}\n`)
  return /^```ts\n(.*?)^```$/ms.exec(after)?.[1] ?? ''
}

t.test('the README of the project shows the same service', async (t) => {
  const readme = await readFile(join(SOURCE, '../README.md'), 'utf8')
  t.ok(readme.includes(await snippet('Fastify')))
})

t.test(
  'the README’s Express service compiles in strict TypeScript as it stands',
  { skip: missing },
  async (t) => {
    await writeFile(join(folder, 'pasted.ts'), await snippet('Express, Connect'))
    const options = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2024', '--ignoreConfig']
    const types = ['--types', 'node', '--typeRoots', TYPES]
    const { code, stdout } = await run([TSC, ...options, ...types, 'pasted.ts'], { cwd: folder })
    t.strictSame([code, stdout], [0, ''])
  }
)

t.test(
  'the README’s services run as they stand against a Gatehouse with defaults',
  { skip: missing },
  async (t) => {
    const { notice } = await start(t, { AUTH_DATA_DIR: await newFolder(t), LOG_LEVEL: 'warn' })
    const { origin: issuer } = new URL(notice.setup ?? '')
    const body = JSON.stringify({ email: 'ada@example.com', password })
    const headers = { 'content-type': 'application/json' }
    const signedUp = await fetch(`${issuer}/auth/register`, { method: 'POST', headers, body })
    const access = signedUp.headers.getSetCookie().find((line) => line.startsWith('access=')) ?? ''
    const { user } = (await signedUp.json()) as { user: { id: string } }

    for (const heading of ['Fastify', 'Express, Connect']) {
      const port = String(await freePort())
      const code = (await snippet(heading)).replace('http://localhost:3000', issuer).replace('4000', port)
      await writeFile(join(folder, 'pasted.ts'), code)
      const { output } = await startScript(t, folder, 'pasted.ts', `http://localhost:${port}`)
      const told = async (headers: Record<string, string>) => {
        const { status, body } = await call(`http://localhost:${port}`, '/protected', headers)
        return [status, body.code ?? body]
      }
      t.strictSame(
        await told({ cookie: access.split(';')[0] ?? '' }),
        [200, { logged_in_as: user.id }],
        heading
      )
      t.strictSame(await told({}), [401, 'unauthorized'], heading)
      t.strictSame(await told({ authorization: 'Bearer x.y.z' }), [401, 'unauthorized'], heading)
      await eventually(() => /The token (header )?is /.test(output()))
      t.notMatch(output(), /issuer is|audience is/, 'the metadata is what the service expects')
    }
  }
)

async function importsOf(file: string): Promise<string[]> {
  const source = await readFile(join(installed, file), 'utf8')
  const found = source.matchAll(/\b(?:from|import|module)[ (]+['"]([^'"]+)['"]/g)
  return [...found].map(([, specifier = '']) => specifier)
}

/** The file of the tarball that a relative import means: declarations name the script or the source beside them. */
function targetOf(file: string, specifier: string): string {
  const path = posix.join(dirname(file), specifier)
  return file.endsWith('.d.ts') ? path.replace(/(?:\.d)?\.[jt]s$/, '.d.ts') : path
}

/** Everything that a script loads, itself or by what it loads. */
async function closureOf(entry: string): Promise<Set<string>> {
  const seen = new Set<string>([entry])
  for (const file of seen) {
    if (!file.startsWith('dist/')) continue
    for (const specifier of await importsOf(file))
      seen.add(specifier.startsWith('.') ? targetOf(file, specifier) : specifier)
  }
  return seen
}
