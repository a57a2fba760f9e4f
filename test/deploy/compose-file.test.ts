import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import manifest from '../../package.json' with { type: 'json' }
import { Settings } from '../../schemas/settings.ts'
import { readCompose } from '../harness/rehearsal/compose.ts'
import { doctored, installNothing, newFolder, PROJECT } from '../harness/rehearsal/doctored.ts'
import { buildImage } from '../harness/rehearsal/image.ts'

t.test('the compose file', async (t) => {
  const { services, networks } = readCompose(PROJECT)
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
    'has the database and Valkey meet Gatehouse alone, Gatehouse meet Caddy elsewhere, and only Caddy go out',
    async (t) => {
      const members = (network: string) =>
        services.filter(({ networks }) => networks.includes(network)).map(({ name }) => name)
      t.strictSame(
        networks.filter(({ internal }) => !internal).map(({ name }) => name),
        ['public']
      )
      t.strictSame(members('public'), ['caddy'])
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

  t.test(
    'bounds memory, processes and open files of every service, and lets none dump its memory',
    async (t) => {
      for (const { name, memory, processes, ulimits } of services) {
        t.match(memory, /^\d+[mg]$/, `${name}: memory`)
        t.equal(processes, 256, `${name}: processes`)
        t.strictSame(ulimits, { nofile: 65536, core: 0 }, name)
      }
      const { services: larger } = readCompose(PROJECT, { GATEHOUSE_MEMORY: '4g', POSTGRES_MEMORY: '2g' })
      const memoryOf = (wanted: string) => larger.find(({ name }) => name === wanted)?.memory
      t.strictSame([memoryOf('gatehouse'), memoryOf('postgres')], ['4g', '2g'])
    }
  )

  t.test('runs nothing as root but what gives the secrets away', async (t) => {
    const image = await buildImage(PROJECT, newFolder(t), installNothing)
    const asRoot = services.filter(({ user, builds }) =>
      /^(root|0)?(:|$)/.test(user ?? (builds ? image.user : ''))
    )
    t.strictSame(
      asRoot.map(({ name }) => name),
      ['secrets']
    )
  })

  t.test('shows Gatehouse no password of the database’s superuser', async (t) => {
    const readers = services.filter(({ mounts }) => mounts.some(({ source }) => source === 'database-secret'))
    t.strictSame(
      readers.map(({ name }) => name),
      ['secrets', 'postgres']
    )
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

  t.test(
    'runs as many instances as GATEHOUSE_REPLICAS says, one without it, each behind an init',
    async (t) => {
      t.match(serviceNamed('gatehouse'), { replicas: 1, init: true })
      const { services } = readCompose(PROJECT, { GATEHOUSE_REPLICAS: '3' })
      t.strictSame(
        services.map(({ name, replicas }) => [name, replicas]).filter(([, replicas]) => replicas !== 1),
        [['gatehouse', 3]]
      )
    }
  )

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
      'cpu_shares: 512',
      /postgres: cpu_shares is not known/
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
      '- caddy-data:/data',
      '- cady-data:/data',
      /caddy: there is no volume cady-data/
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
