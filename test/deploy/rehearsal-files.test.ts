import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import manifest from '../../package.json' with { type: 'json' }
import { Settings } from '../../schemas/settings.ts'
import { run } from '../harness/program.ts'
import { readCompose } from '../harness/rehearsal/compose.ts'
import { buildImage, type Run } from '../harness/rehearsal/image.ts'

const PROJECT = fileURLToPath(new URL('../../', import.meta.url))
const LEFT_OUT = ['.git', '.tap', 'data', 'node_modules', 'test', 'bench', 'coverage']

function newFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-files-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A copy of the files in which `text` of one of them is replaced. */
function doctored(t: Test, file: string, text: string, replacement: string): string {
  const folder = newFolder(t)
  for (const name of readdirSync(PROJECT).filter((each) => !LEFT_OUT.includes(each)))
    cpSync(join(PROJECT, name), join(folder, name), { recursive: true })
  const content = readFileSync(join(folder, file), 'utf8')
  if (!content.includes(text)) throw new Error(`${file} does not hold ${text}`)
  writeFileSync(join(folder, file), content.replace(text, replacement))
  return folder
}

/** For what is said of the files alone: RUN lines leave a trace of what they would have installed, nothing more. */
const installNothing: Run = async ({ root }) => {
  await mkdir(join(root, 'app/node_modules'), { recursive: true })
  await writeFile(join(root, 'app/node_modules/.package-lock.json'), '{}')
}

t.test('the compose file', async (t) => {
  const { services } = readCompose(PROJECT)
  const serviceNamed = (name: string) => {
    const service = services.find((each) => each.name === name)
    if (!service) throw new Error(`there is no service ${name}`)
    return service
  }

  t.test('publishes nothing but Caddy’s ports', async (t) => {
    const publishing = services.filter(({ ports }) => ports.length > 0)
    t.strictSame(
      publishing.map(({ name, ports }) => [name, ports]),
      [['caddy', ['80:80', '443:443', '443:443/udp']]]
    )
  })

  t.test(
    'has the database and Valkey meet Gatehouse alone, and Gatehouse meet Caddy elsewhere',
    async (t) => {
      const members = (network: string) =>
        services.filter(({ networks }) => networks.includes(network)).map(({ name }) => name)
      t.strictSame(members('edge'), ['gatehouse', 'caddy'])
      t.strictSame(members('backend'), ['gatehouse', 'postgres', 'valkey'])
    }
  )

  t.test('gives every long-running service a health check, a read-only root and no privileges', async (t) => {
    for (const service of services) {
      t.equal(service.readOnly, true, `${service.name}: read-only`)
      t.equal(service.healthCheck === 'none', service.name === 'secrets', `${service.name}: health check`)
      t.notOk(
        service.capabilities.some((name) => !['CHOWN', 'NET_BIND_SERVICE'].includes(name)),
        service.name
      )
    }
  })

  t.test('names every setting of Gatehouse, so that a shell’s or .env’s value reaches it', async (t) => {
    const fixed = [
      'HOST',
      'PORT',
      'DATABASE_URL',
      'REDIS_URL',
      'AUTH_DATA_DIR',
      'AUTH_ISSUER',
      'AUTH_TRUST_PROXY'
    ]
    const names = Object.keys(Settings.properties).filter((name) => !fixed.includes(name))
    const shell = Object.fromEntries(names.map((name) => [name, 'given']))
    const gatehouse = readCompose(PROJECT, shell).services.find(({ name }) => name === 'gatehouse')
    t.strictSame(
      names.filter((name) => gatehouse?.environment[name] !== 'given'),
      []
    )
    t.strictSame(
      Object.keys(serviceNamed('gatehouse').environment),
      ['AUTH_ISSUER', 'AUTH_TRUST_PROXY', 'DATABASE_URL_FILE', 'REDIS_URL_FILE'],
      'what is not set there is not set at all'
    )
  })

  t.test('takes one name for the issuer and for Caddy’s site', async (t) => {
    const named = readCompose(PROJECT, { GATEHOUSE_HOST: 'auth.example.com' }).services
    const valueIn = (service: string, name: string) =>
      named.find((each) => each.name === service)?.environment[name]
    t.equal(valueIn('gatehouse', 'AUTH_ISSUER'), 'https://auth.example.com')
    t.equal(valueIn('caddy', 'GATEHOUSE_HOST'), 'auth.example.com')
    t.equal(serviceNamed('gatehouse').environment.AUTH_ISSUER, 'https://localhost')
  })

  t.test('calls our image by the version of package.json, as the Dockerfile does', async (t) => {
    t.equal(serviceNamed('gatehouse').image, `gatehouse:${manifest.version}`)
    const image = await buildImage(PROJECT, newFolder(t), installNothing)
    t.equal(image.labels['org.opencontainers.image.version'], manifest.version)
    t.equal(image.labels['org.opencontainers.image.licenses'], manifest.license)
  })

  t.test('is one that docker compose reads, where there is a docker compose', async (t) => {
    try {
      await promisify(execFile)('docker', ['compose', 'version'])
    } catch {
      t.comment('there is no docker compose here: the schema of the specification alone has judged the file')
      return
    }
    await promisify(execFile)('docker', ['compose', 'config', '--quiet'], { cwd: PROJECT })
  })
})

t.test('a compose file is refused', async (t) => {
  const refusals: Array<[title: string, text: string, replacement: string, reason: RegExp]> = [
    [
      'with a key that the specification does not have',
      'read_only: true',
      'readonly: true',
      /compose specification/
    ],
    [
      'with a key that the rehearsal does not know',
      'shm_size: 128mb',
      'mem_limit: 128mb',
      /postgres: mem_limit is not known/
    ],
    [
      'with a setting that Gatehouse does not have',
      'AUTH_DOCS:',
      'AUTH_DOGS:',
      /gatehouse: AUTH_DOGS is not a setting/
    ],
    [
      'with an image of any version',
      'postgres:18.6-trixie',
      'postgres:latest',
      /postgres:latest is not pinned/
    ],
    ['with an image of a major version', 'postgres:18.6-trixie', 'postgres:18', /postgres:18 is not pinned/],
    [
      'with a file that is not there',
      'compose/Caddyfile:',
      'compose/Cadyfile:',
      /caddy: there is no file .*Cadyfile/
    ],
    [
      'with a volume that is not there',
      '- caddy-config:',
      '- cady-config:',
      /caddy: there is no volume cady-config/
    ],
    [
      'with a variable that has no default',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the file's own
      '${GATEHOUSE_HOST:-localhost}',
      '$GATEHOUSE_HOST',
      /does not know \$/
    ],
    [
      'that waits for a service that is not there',
      'valkey: { cond',
      'redis: { cond',
      /gatehouse: it depends on redis/
    ]
  ]
  for (const [title, text, replacement, reason] of refusals) {
    t.test(title, async (t) => {
      const folder = doctored(t, 'docker-compose.yml', text, replacement)
      t.throws(() => readCompose(folder), { message: reason })
    })
  }
})

t.test('the Dockerfile', async (t) => {
  t.test(
    'copies everything that the copied programs import, and nothing that .dockerignore does not name',
    async (t) => {
      const { root } = await buildImage(PROJECT, newFolder(t), installNothing)
      const app = join(root, 'app')
      const files = readdirSync(app, { recursive: true, encoding: 'utf8' })
      const missing = files
        .filter((file) => /\.[jt]s$/.test(file))
        .flatMap((file) => importsOf(join(app, file)))
        .filter((path) => !files.includes(path.slice(app.length + 1)))
      t.strictSame(missing, [])
      t.ok(files.includes('server.ts'))
      t.notOk(files.some((file) => /(^|\/)(test|bench|data|\.env|dist)(\/|$)|\.md$/.test(file)))
    }
  )

  t.test('runs as node, by a list that signals reach, and is asked by /readyz', async (t) => {
    const image = await buildImage(PROJECT, newFolder(t), installNothing)
    t.equal(image.user, 'node')
    t.strictSame(image.command, ['node', 'server.ts'])
    t.equal(image.stopSignal, 'SIGTERM')
    t.strictSame(image.healthCheck?.test, ['CMD', 'node', 'deploy/compose/health.js'])
    t.match(image.base, /^node:24\.\d+\.\d+-[a-z]+-slim$/)
  })

  const refusals: Array<[title: string, text: string, replacement: string, reason: RegExp]> = [
    [
      'with an instruction that the rehearsal does not know',
      'EXPOSE 3000',
      'VOLUME /data',
      /does not know VOLUME/
    ],
    [
      'with a file that is not there',
      'COPY verifier verifier/',
      'COPY verifyer verifyer/',
      /COPY verifyer: there is no such/
    ],
    [
      'with a file that .dockerignore keeps out',
      'COPY verifier verifier/',
      'COPY docker-compose.yml ./',
      /keeps it out/
    ],
    [
      'with a shell before the program',
      'CMD ["node", "server.ts"]',
      'CMD node server.ts',
      /CMD that is not a list/
    ]
  ]
  for (const [title, text, replacement, reason] of refusals) {
    t.test(`is refused ${title}`, async (t) => {
      const folder = doctored(t, 'Dockerfile', text, replacement)
      await t.rejects(buildImage(folder, newFolder(t), installNothing), { message: reason })
    })
  }
})

/** The files that a program imports by a relative path. */
function importsOf(path: string): string[] {
  const imports = readFileSync(path, 'utf8').matchAll(/(?:from|import)\s+'(\.[^']+)'/g)
  return [...imports].map(([, target]) => resolve(dirname(path), target as string))
}

t.test('the secrets of a first boot', async (t) => {
  const FILES = [
    'database/password',
    'valkey/password',
    'valkey/valkey.conf',
    'gatehouse/database-url',
    'gatehouse/redis-url'
  ]

  async function newVolumes(t: Test): Promise<string> {
    const folder = newFolder(t)
    for (const name of ['database', 'valkey', 'gatehouse']) await mkdir(join(folder, name))
    return folder
  }
  const makeSecrets = (folder: string) => run(['deploy/compose/secrets.ts', folder])
  const readAll = (folder: string) => Promise.all(FILES.map((name) => readFile(join(folder, name), 'utf8')))

  t.test('are made once, are random, and stay what they are', async (t) => {
    const [folder, other] = [await newVolumes(t), await newVolumes(t)]
    t.match(await makeSecrets(folder), { code: 0, stdout: '', stderr: '' })
    const first = await readAll(folder)
    t.match(first[0], /^[\w-]{44}\n$/)
    await makeSecrets(folder)
    t.strictSame(await readAll(folder), first)
    await makeSecrets(other)
    t.strictNotSame(await readAll(other), first)
  })

  t.test('are completed after a boot that was cut off in the middle', async (t) => {
    const folder = await newVolumes(t)
    await makeSecrets(folder)
    const first = await readAll(folder)
    for (const name of ['valkey/valkey.conf', 'gatehouse/database-url']) rmSync(join(folder, name))
    await writeFile(join(folder, 'gatehouse/database-url.draft'), 'postg')
    t.match(await makeSecrets(folder), { code: 0 })
    t.strictSame(await readAll(folder), first)
    t.strictSame(readdirSync(join(folder, 'gatehouse')).sort(), ['database-url', 'redis-url'])
  })

  t.test(
    'may be somebody’s own: random hexadecimal digits, whichever of the sixteen there are',
    async (t) => {
      const folder = await newVolumes(t)
      await writeFile(join(folder, 'database/password'), '0d1e8a7c4b92f5d0e1a8c7b4925fd08e\n')
      t.match(await makeSecrets(folder), { code: 0, stderr: '' })
      t.match((await readAll(folder))[3], ':0d1e8a7c4b92f5d0e1a8c7b4925fd08e@')
    }
  )

  const refusals: Array<[title: string, file: string, content: string, reason: RegExp]> = [
    ['empty', 'database/password', '\n', /^\S+database\/password is empty: .*\n$/],
    ['short', 'valkey/password', 'x7Jq_2\n', /^\S+valkey\/password is shorter than 32 characters: .*\n$/],
    [
      'well known',
      'database/password',
      'postgres\n',
      /^\S+database\/password is a well-known password: .*\n$/
    ],
    ['well known', 'valkey/password', 'ChangeMe\n', /^\S+valkey\/password is a well-known password: .*\n$/],
    [
      'no random one',
      'database/password',
      'ab'.repeat(20),
      /^\S+database\/password is not random base64url: .*\n$/
    ],
    [
      'of another password',
      'gatehouse/redis-url',
      'redis://valkey:6379',
      /^\S+redis-url does not fit the password.*\n$/
    ]
  ]
  for (const [title, file, content, reason] of refusals) {
    t.test(`are refused in one line where one is ${title}`, async (t) => {
      const folder = await newVolumes(t)
      await writeFile(join(folder, file), content)
      t.match(await makeSecrets(folder), { code: 78, stderr: reason })
      t.equal(await readFile(join(folder, file), 'utf8'), content, 'and nothing is overwritten')
    })
  }
})
