import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { metricsExposure } from '../domain/settings/metrics-exposure.ts'
import { loadSettings, SettingsError, showSettings } from '../domain/settings/settings.ts'
import { Settings } from '../schemas/settings.ts'
import { parseDuration } from '../verifier/duration.ts'

const KEY = randomBytes(48).toString('base64url')
const noFile = () => {
  throw new Error('no such file')
}

function load(env: Record<string, string>, readFile: (path: string) => string = noFile) {
  return loadSettings(env, readFile)
}

function faultsOf(env: Record<string, string>, readFile: (path: string) => string = noFile): string[] {
  try {
    load(env, readFile)
    return []
  } catch (error) {
    if (error instanceof SettingsError) return error.faults
    throw error
  }
}

t.test('with nothing set every default holds', async (t) => {
  const { config, sources, warnings } = load({})
  t.match(config, {
    HOST: '127.0.0.1',
    PORT: 3000,
    DATABASE_URL: 'file:./data/gatehouse.db',
    AUTH_DATA_DIR: './data',
    AUTH_ISSUER: 'http://localhost:3000',
    AUTH_AUDIENCE: 'http://localhost:3000',
    AUTH_ALLOWED_ORIGINS: [],
    AUTH_CORS_HEADERS: [],
    AUTH_TRUST_PROXY: [],
    AUTH_JWT_ALG: 'ES256',
    AUTH_ACCESS_TTL: 5 * 60_000,
    AUTH_SESSION_IDLE_TTL: 24 * 3_600_000,
    AUTH_SESSION_MAX_TTL: 30 * 86_400_000,
    AUTH_REFRESH_GRACE: 10_000,
    AUTH_FRESH_TTL: 10 * 60_000,
    AUTH_COOKIE_SAMESITE: 'lax',
    AUTH_REGISTRATION: 'open',
    AUTH_PASSWORD_MIN_LENGTH: 12,
    AUTH_ARGON2_MEMORY_KIB: 19456,
    AUTH_ARGON2_TIME: 2,
    AUTH_ARGON2_PARALLELISM: 1,
    AUTH_DOCS: 'on',
    secure: false
  })
  t.ok(Object.values(sources).every((source) => source === 'default'))
  t.strictSame(warnings, [])
})

t.test(
  'all faults are named together, each by its setting, and no value of a secret among them',
  async (t) => {
    const secret = 'c2hvcnQ'
    const faults = faultsOf({
      AUTH_NO_SUCH: '1',
      AUTH_ACCESS_TTL: '5 minutes',
      AUTH_SESSION_IDLE_TTL: '10',
      AUTH_REFRESH_GRACE: '2m',
      AUTH_DOCS: 'yes',
      AUTH_MASTER_KEY: secret,
      AUTH_ISSUER: 'http://auth.example.com',
      AUTH_ALLOWED_ORIGINS: 'https://ok.example.com,https://path.example.com/x',
      AUTH_TRUST_PROXY: '10.0.0.0/8,nowhere',
      DATABASE_URL: 'postgres://root:hunter2@[bad/x',
      PORT: 'http'
    })
    const names = [
      'AUTH_NO_SUCH',
      'AUTH_ACCESS_TTL',
      'AUTH_SESSION_IDLE_TTL',
      'AUTH_REFRESH_GRACE',
      'AUTH_DOCS',
      'AUTH_MASTER_KEY',
      'AUTH_ISSUER',
      'AUTH_ALLOWED_ORIGINS',
      'AUTH_TRUST_PROXY',
      'DATABASE_URL',
      'PORT'
    ]
    t.strictSame(faults.map((fault) => fault.split(' ')[0]).sort(), [...names].sort())
    t.notMatch(faults.join('\n'), secret)
    t.notMatch(faults.join('\n'), 'hunter2')
  }
)

t.test('what is not one of ours is left alone unless it looks like ours', async (t) => {
  t.strictSame(faultsOf({ HOSTNAME: 'x', NODE_ENV: 'production', SMTP_URL: 'x' }), [])
  t.strictSame(faultsOf({ AUTH_: 'x' }), ['AUTH_ is not a setting of Gatehouse'])
  t.strictSame(faultsOf({ AUTH_ISSUER_FILE: '/x' }), [
    'AUTH_ISSUER_FILE is not a setting of Gatehouse. Did you mean AUTH_ISSUER?'
  ])
})

const refused: Record<string, string[]> = {
  PORT: ['0', '65536', '-1', '3000.5', 'true', '3000abc', ''],
  HOST: ['', ' '],
  LOG_LEVEL: ['verbose', 'INFO'],
  DATABASE_URL: [
    'data.db',
    'mysql://x',
    'file:',
    'postgres:',
    'postgres://u:p@[bad/db',
    'postgres://u:p@host:99999/db',
    'postgres://u:p#q@host/db',
    'postgres://u:%e9@host/db',
    'postgres://host/db%',
    'postgres://u:p@h1,h2:99999/db',
    'postgres://u:p@/db?host=h1,h2',
    'postgres://u:p@h1,h2/db?target_session_attrs=standby',
    'postgres://u:p@host/db?sslmode=prefer',
    'postgres://u:p@host/db?sslmode=no-verify',
    'postgres://u:p@host/db?sslmode=verify-ca',
    'postgres://u:p@host/db?sslmode=require&sslrootcert=system',
    'postgres://u:p@host/db?sslmode=verify-full&sslrootcert=/nowhere/ca.pem',
    'file://host/x.db',
    'file://[bad/x.db',
    'file:///a%2Fb.db',
    'file:///a%zz.db',
    'file:///a%00b.db',
    'file:a.db?mode=rwc',
    'file:///a.db?mode=rwc',
    'file:a.db#b',
    'file::memory:',
    'file:a.db ',
    'file: a.db',
    'file:///a.db%20'
  ],
  REDIS_URL: [
    'localhost:6379',
    'https://localhost',
    'redis://',
    'redis://bad host',
    'redis://host:99999',
    'redis://host/name',
    'redis://:a%zz@host',
    'redis://host:0',
    'redis://a,b',
    'redis:///0',
    'redis://::1',
    'redis://[bad]',
    'redis://host/0?db=1',
    'redis://host/1?db=2',
    'redis://host?db=one',
    'redis://host?tls=true',
    'redis://host?family=5',
    'redis://host?sentinel_password=p',
    'redis://:p#q@host',
    'redis://:p/q@host',
    'REDIS://host',
    'redis-sentinel://host/main',
    'sentinel://host/main',
    'redis+sentinel://host',
    'redis+sentinel://host/',
    'redis+sentinel://host/main/two',
    'redis+sentinel://host/main/2/3',
    'redis+sentinel://a,,b/main',
    'redis+sentinel://a:1,b:99999/main',
    'redis+sentinel://host#main',
    'unix://run/valkey.sock',
    'unix:///',
    'unix:///run/valkey.sock?db=',
    'unix:///run/%zz',
    'redis+unix:///run/valkey.sock'
  ],
  AUTH_ISSUER: [
    'auth.example.com',
    'http://auth.example.com',
    'http://10.0.0.1',
    'https://auth.example.com/',
    'https://auth.example.com/path',
    'https://user@auth.example.com',
    'https://auth.example.com:443',
    'ftp://auth.example.com',
    'https://*.example.com',
    'http://localhost.example.com'
  ],
  AUTH_ALLOWED_ORIGINS: [
    '*',
    'null',
    'https://*.example.com',
    'https://*.example.com/',
    'https://app-*.example.com',
    'http://app.example.com',
    'app.example.com',
    'capacitor://localhost/',
    'capacitor://localhost:80',
    'capacitor://app.example.com',
    'Capacitor://localhost',
    'tauri://',
    'tauri://localhost.example.com',
    'https://tauri.localhost/',
    'http://tauri.localhost.example.com',
    'chrome-extension://abcdefghijklmnopabcdefghijklmno',
    'chrome-extension://abcdefghijklmnopabcdefghijklmnoq',
    'chrome-extension://abcdefghijklmnopabcdefghijklmnop/popup.html',
    'chrome-extension://*',
    'moz-extension://2C127FA4-62C7-7E4F-90E5-472B45EECFDC',
    'moz-extension://2c127fa4-62c7-7e4f-90e5',
    'file://',
    'app://localhost'
  ],
  AUTH_CORS_HEADERS: ['*', 'x-a b', 'x-a:', 'x-ä', '"x"', 'x-a/b', 'x-a;q=1', 'x-(a)', 'x-a,x b'],
  AUTH_TRUST_PROXY: [
    'true',
    '1',
    '10.0.0.0/33',
    'proxy.example.com',
    '10.0.0',
    '10/8',
    '172.16/12',
    '010.0.0.0/8',
    '0x0a.0.0.0/8',
    '10.0.0.0/08',
    'fe80::1%eth0'
  ],
  AUTH_MAX_EVENT_LOOP_DELAY: ['0', '99ms', '1', 'never'],
  AUTH_AUDIT_RETENTION: ['0', '0d', '23h', '400', 'forever', 'Off'],
  AUTH_JWT_ALG: ['none', 'HS256', 'es256'],
  AUTH_ACCESS_TTL: ['0s', '500ms', '61m', '5', '-5m', '5 m', '5M', '1.5h'],
  AUTH_SESSION_IDLE_TTL: ['1m', '299s'],
  AUTH_SESSION_MAX_TTL: ['1h', '401d'],
  AUTH_REFRESH_GRACE: ['61s', '-1s'],
  AUTH_FRESH_TTL: ['0s', '500ms'],
  AUTH_COOKIE_SAMESITE: ['none', 'Lax'],
  AUTH_COOKIE_DOMAIN: ['example.com'],
  AUTH_REGISTRATION: ['yes'],
  AUTH_PASSWORD_MIN_LENGTH: ['7', '65'],
  AUTH_BREACH_CHECK_URL: [
    'api.example.com/range/',
    'http://api.example.com/range/',
    'https://api.example.com/range',
    'https://u:p@api.example.com/range/',
    'https://api.example.com/?range=/',
    'ftp://api.example.com/range/',
    'on'
  ],
  AUTH_ARGON2_MEMORY_KIB: ['1024'],
  AUTH_ARGON2_TIME: ['1', '2.9'],
  AUTH_ARGON2_PARALLELISM: ['0'],
  AUTH_RATE_LIMIT_PER_IP: ['-1', 'off', 'false', '0.9', ''],
  AUTH_LOGIN_LIMIT_PER_IP: ['false'],
  AUTH_LOGIN_LIMIT_PER_ACCOUNT: ['0.5'],
  AUTH_METRICS: [
    'on',
    'OFF',
    '0',
    '65536',
    '3000',
    '99999999999999999999999999999999',
    'Kx7vQ2mZ9pLr4tWs6yBd8fGh1jNc3kE',
    'Kx7vQ2mZ9pLr4tWs+yBd8fGh1jNc3kEa',
    'a'.repeat(40),
    'Kx7vQ2mZ9pLr4tWs6yBd8fGh1-changeme'
  ],
  AUTH_DOCS: ['true', 'OFF']
}

t.test('a value that is not what the setting takes is refused by name', async (t) => {
  for (const [name, values] of Object.entries(refused)) {
    for (const value of values) {
      const faults = faultsOf({ [name]: value })
      t.equal(faults.length, 1, `${name}=${value}: ${faults.join('; ') || 'accepted'}`)
      t.match(faults[0] ?? '', new RegExp(`^${name} `))
    }
  }
})

t.test('a value that is allowed is taken as it is meant', async (t) => {
  const of = (env: Record<string, string>) => load(env).config
  t.equal(of({ PORT: '80' }).PORT, 80)
  t.equal(of({ PORT: '8443' }).AUTH_ISSUER, 'http://localhost:8443')
  t.match(of({ AUTH_ISSUER: 'https://auth.example.com' }), {
    secure: true,
    AUTH_AUDIENCE: 'https://auth.example.com'
  })
  for (const issuer of [
    'http://127.0.0.1:3000',
    'http://[::1]:3000',
    'http://auth.localhost',
    'http://127.8.9.1'
  ]) {
    t.equal(of({ AUTH_ISSUER: issuer }).AUTH_ISSUER, issuer)
  }
  t.strictSame(of({ AUTH_TRUST_PROXY: '10.0.0.0/8, ::1 ,' }).AUTH_TRUST_PROXY, ['10.0.0.0/8', '::1'])
  t.strictSame(of({ AUTH_CORS_HEADERS: 'x-request-source, X_b!' }).AUTH_CORS_HEADERS, [
    'x-request-source',
    'X_b!'
  ])
  for (const origin of [
    'capacitor://localhost',
    'ionic://localhost',
    'tauri://localhost',
    'http://tauri.localhost',
    'https://tauri.localhost',
    'chrome-extension://abcdefghijklmnopabcdefghijklmnop',
    'moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc'
  ])
    t.strictSame(of({ AUTH_ALLOWED_ORIGINS: origin }).AUTH_ALLOWED_ORIGINS, [origin])
  t.equal(of({ AUTH_REFRESH_GRACE: '0s' }).AUTH_REFRESH_GRACE, 0)
  t.equal(of({ AUTH_RATE_LIMIT_PER_IP: '0' }).AUTH_RATE_LIMIT_PER_IP, 0)
  t.equal(of({ DATABASE_URL: 'postgresql://x@y/z' }).DATABASE_URL, 'postgresql://x@y/z')
  const databases = [
    'postgres://u:p%zz@host:5432/db?sslmode=verify-full',
    'postgres://u:a b@host/db',
    'postgres://u:p@/db?host=/run/postgresql',
    'postgres://u@%2Frun%2Fpostgresql/db',
    'postgres:///db',
    'postgres://u:p@h1:5432,[::1]:5433,h3/db?target_session_attrs=read-write',
    'postgres://u:p@host/db?sslmode=verify-full&sslrootcert=system',
    'file:data.db',
    'file:///srv/a%20b.db',
    'file://localhost/srv/x.db'
  ]
  for (const url of databases) t.equal(of({ DATABASE_URL: url }).DATABASE_URL, url)
  t.equal(of({ AUTH_DATA_DIR: '/srv/gatehouse' }).DATABASE_URL, 'file:/srv/gatehouse/gatehouse.db')
  const exposureOf = (AUTH_METRICS: string) => metricsExposure(of({ AUTH_METRICS }).AUTH_METRICS)
  t.strictSame(exposureOf('9464'), { by: 'port', port: 9464 })
  for (const token of [randomBytes(24).toString('base64url'), randomBytes(32).toString('hex')]) {
    t.strictSame(exposureOf(token), { by: 'token', token })
  }
})

t.test('a cookie domain must be one that the issuer belongs to', async (t) => {
  const env = { AUTH_ISSUER: 'https://auth.example.com', AUTH_TRUST_PROXY: '::1' }
  for (const domain of ['example.com', 'auth.example.com']) {
    t.strictSame(faultsOf({ ...env, AUTH_COOKIE_DOMAIN: domain }), [])
  }
  for (const domain of [
    'com',
    'xample.com',
    'other.com',
    '.example.com',
    'app.example.com',
    'example.com;x'
  ]) {
    t.equal(faultsOf({ ...env, AUTH_COOKIE_DOMAIN: domain }).length, 1, domain)
  }
})

t.test(
  'a cookie domain under which others register is refused: browsers keep no cookie for it',
  async (t) => {
    const shared = ['co.uk', 'github.io', 'com', 'uk', 'pages.dev', 's3.amazonaws.com', 'blogspot.com']
    for (const domain of shared) {
      const env = { AUTH_ISSUER: `https://auth.mine.${domain}`, AUTH_TRUST_PROXY: '::1' }
      t.match(faultsOf({ ...env, AUTH_COOKIE_DOMAIN: domain }), [
        /^AUTH_COOKIE_DOMAIN \S+ is a public suffix/
      ])
      t.strictSame(faultsOf({ ...env, AUTH_COOKIE_DOMAIN: `mine.${domain}` }), [], domain)
    }
  }
)

t.test('what Kubernetes tells every pod of a Service named auth is passed over', async (t) => {
  const links = {
    AUTH_SERVICE_HOST: '10.96.12.7',
    AUTH_SERVICE_PORT: '80',
    AUTH_SERVICE_PORT_HTTP: '80',
    AUTH_PORT: 'tcp://10.96.12.7:80',
    AUTH_PORT_80_TCP: 'tcp://10.96.12.7:80',
    AUTH_PORT_80_TCP_PROTO: 'tcp',
    AUTH_PORT_80_TCP_PORT: '80',
    AUTH_PORT_80_TCP_ADDR: '10.96.12.7',
    AUTH_PORT_53_UDP: 'udp://10.96.12.7:53',
    AUTH_ADMIN_SERVICE_HOST: '10.96.12.8',
    AUTH_ADMIN_PORT: 'tcp://10.96.12.8:80',
    AUTH_ADMIN_PORT_80_TCP_ADDR: '10.96.12.8'
  }
  t.strictSame(faultsOf(links), [])
  for (const [name, value] of [
    ['AUTH_PORT', '3000'],
    ['AUTH_OTHER_PORT', '587'],
    ['AUTH_SERVICE', 'x'],
    ['AUTH_PORT_80', 'x']
  ] as const)
    t.strictSame(faultsOf({ [name]: value }), [`${name} is not a setting of Gatehouse`])
})

t.test('the API reference is on by default for a loopback issuer alone', async (t) => {
  const docsOf = (env: Record<string, string>) => load({ AUTH_TRUST_PROXY: '::1', ...env }).config.AUTH_DOCS
  for (const issuer of [
    'http://localhost:3000',
    'https://localhost',
    'http://127.0.0.1',
    'http://[::1]:3000'
  ])
    t.equal(docsOf({ AUTH_ISSUER: issuer }), 'on', issuer)
  const env = { AUTH_ISSUER: 'https://auth.example.com' }
  t.equal(docsOf(env), 'off')
  t.equal(docsOf({ ...env, AUTH_DOCS: 'on' }), 'on')
  t.equal(docsOf({ AUTH_DOCS: 'off' }), 'off')
  t.match(
    showSettings(load(env), env).find(({ name }) => name === 'AUTH_DOCS'),
    { value: 'off', source: 'default' }
  )
})

t.test('a file of a secret that every user can read is warned about by name, and taken', async (t) => {
  const warningsOf = (mode: number) =>
    loadSettings(
      { AUTH_MASTER_KEY_FILE: '/run/key' },
      () => KEY,
      () => 0o100000 | mode
    ).warnings
  for (const mode of [0o644, 0o444, 0o604, 0o666])
    t.match(
      warningsOf(mode),
      [/^AUTH_MASTER_KEY_FILE can be read by every user of this machine/],
      mode.toString(8)
    )
  for (const mode of [0o600, 0o400, 0o440, 0o640]) t.strictSame(warningsOf(mode), [], mode.toString(8))
})

t.test('a database or Valkey on another machine without a credential is warned about by name', async (t) => {
  const warningsOf = (env: Record<string, string>) =>
    loadSettings(env, () => 'a file').warnings.map((each) => each.split(' ')[0])
  const open = {
    DATABASE_URL: [
      'postgres://db/x',
      'postgres://u@db.example.com/x',
      'postgres://u@10.0.0.7/x',
      'postgres://u@/x?host=db',
      'postgres://u@localhost,db/x'
    ],
    REDIS_URL: [
      'redis://valkey:6379',
      'rediss://cache.example.com',
      'redis://user@10.0.0.7',
      'redis+sentinel://127.0.0.1,valkey/main',
      'redis+sentinel://valkey/main?sentinel_password=p'
    ]
  }
  for (const [name, urls] of Object.entries(open))
    for (const url of urls) t.strictSame(warningsOf({ [name]: url }), [name], url)
  const closed = {
    DATABASE_URL: [
      'postgres://u:p@db/x',
      'postgres://u@db/x?password=p',
      'postgres://u@db/x?sslcert=/c.pem&sslkey=/k.pem',
      'postgres://u@localhost/x',
      'postgres://u@localhost:5432,[::1]:5433/x',
      'postgres:///x',
      'postgres://u@/x?host=/run/postgresql',
      'postgres://u@%2Frun%2Fpostgresql/x',
      'file:x.db'
    ],
    REDIS_URL: [
      'redis://:p@valkey:6379',
      'redis://127.0.0.1:6379',
      'redis://[::1]',
      'redis://localhost',
      'redis+sentinel://:p@valkey/main',
      'redis+sentinel://localhost,[::1]:26380/main',
      'unix:///run/valkey.sock'
    ]
  }
  for (const [name, urls] of Object.entries(closed))
    for (const url of urls) t.strictSame(warningsOf({ [name]: url }), [], url)
})

t.test('a connection that is encrypted to whoever answers is warned about', async (t) => {
  const warningsOf = (DATABASE_URL: string) => loadSettings({ DATABASE_URL }, () => 'a file').warnings
  t.match(warningsOf('postgres://u:p@db/x?sslmode=require'), [
    /^DATABASE_URL has sslmode=require: .*verify-full$/
  ])
  for (const mode of ['require&sslrootcert=/ca.pem', 'verify-ca&sslrootcert=/ca.pem', 'verify-full'])
    t.strictSame(warningsOf(`postgres://u:p@db/x?sslmode=${mode}`), [], mode)
})

t.test('a master key that is empty, short, known or no base64url is refused', async (t) => {
  t.strictSame(faultsOf({ AUTH_MASTER_KEY: KEY }), [])
  for (let made = 0; made < 200; made += 1) {
    t.strictSame(faultsOf({ AUTH_MASTER_KEY: randomBytes(32).toString('hex') }), [], 'hexadecimal will do')
  }
  const weak = [
    '',
    ' ',
    randomBytes(31).toString('base64url'),
    'a'.repeat(64),
    'abcd'.repeat(16),
    'change-me-change-me-change-me-change-me-change-me-1234',
    'your-super-secret-key-here-0123456789-abcdefghij-ABCDEF',
    randomBytes(48).toString('base64').replace(/^../, '+/'),
    `${KEY} ${KEY}`
  ]
  for (const key of weak) {
    const faults = faultsOf({ AUTH_MASTER_KEY: key })
    t.equal(faults.length, 1, key)
    t.match(faults[0] ?? '', /^AUTH_MASTER_KEY /)
    if (key.trim() !== '') t.notOk(faults.join().includes(key))
  }
})

t.test('any 32 random bytes are a master key', async () => {
  for (let round = 0; round < 2000; round += 1) {
    const key = randomBytes(32).toString('base64url')
    const faults = faultsOf({ AUTH_MASTER_KEY: key })
    // One key in some hundred thousand happens to spell a placeholder: that one may be refused.
    if (faults.length > 0 && !/secret|change|default/i.test(key)) throw new Error(`${key}: ${faults.join()}`)
  }
})

t.test('a secret is read from the file that its twin names', async (t) => {
  const files: Record<string, string> = { '/run/key': `${KEY}\n`, '/run/empty': '\n' }
  const read = (path: string) => files[path] ?? noFile()
  const { config, sources } = load({ AUTH_MASTER_KEY_FILE: '/run/key' }, read)
  t.equal(config.AUTH_MASTER_KEY, KEY)
  t.equal(sources.AUTH_MASTER_KEY, 'file')
  t.strictSame(faultsOf({ AUTH_MASTER_KEY_FILE: '/run/key', AUTH_MASTER_KEY: KEY }, read), [
    'AUTH_MASTER_KEY is set twice: by itself and by AUTH_MASTER_KEY_FILE'
  ])
  t.strictSame(faultsOf({ AUTH_MASTER_KEY_FILE: '/run/nothing' }, read), [
    'AUTH_MASTER_KEY cannot be read from the file that AUTH_MASTER_KEY_FILE names: no such file'
  ])
  t.strictSame(faultsOf({ AUTH_MASTER_KEY_FILE: '/run/empty' }, read), [
    'AUTH_MASTER_KEY is empty: give it a value or leave it out'
  ])
})

t.test('what weakens the service and is allowed is warned about by name', async (t) => {
  const warningsOf = (env: Record<string, string>) =>
    load(env).warnings.map((warning) => warning.split(' ')[0])
  t.strictSame(warningsOf({ HOST: '0.0.0.0' }), ['HOST'])
  t.strictSame(warningsOf({ AUTH_ISSUER: 'https://auth.example.com' }), ['AUTH_TRUST_PROXY'])
  t.strictSame(warningsOf({ AUTH_TRUST_PROXY: '0.0.0.0/0' }), ['AUTH_TRUST_PROXY'])
  t.strictSame(warningsOf({ AUTH_ALLOWED_ORIGINS: 'http://localhost:5173' }), [])
  t.strictSame(warningsOf({ AUTH_ALLOWED_ORIGINS: 'https://app.example.com' }), ['AUTH_ALLOWED_ORIGINS'])
  t.strictSame(warningsOf({ AUTH_ALLOWED_ORIGINS: 'capacitor://localhost' }), ['AUTH_ALLOWED_ORIGINS'])
  t.strictSame(warningsOf({ AUTH_ALLOWED_ORIGINS: `chrome-extension://${'a'.repeat(32)}` }), [])
  t.strictSame(warningsOf({ AUTH_FORWARD_UNVERIFIED_EMAIL: 'on' }), ['AUTH_FORWARD_UNVERIFIED_EMAIL'])
  for (const limit of ['AUTH_RATE_LIMIT_PER_IP', 'AUTH_LOGIN_LIMIT_PER_IP', 'AUTH_LOGIN_LIMIT_PER_ACCOUNT']) {
    t.strictSame(warningsOf({ [limit]: '0' }), [limit])
  }
})

t.test('settings are shown with their sources, as they were written, secrets masked', async (t) => {
  const env = { AUTH_MASTER_KEY: KEY, AUTH_ACCESS_TTL: '10m', DATABASE_URL: 'postgres://u:hunter2@db/x' }
  const shown = showSettings(load(env), env)
  t.strictSame(
    shown.map(({ name }) => name),
    Object.keys(Settings.properties)
  )
  const row = (name: string) => shown.find((setting) => setting.name === name)
  t.strictSame(row('AUTH_MASTER_KEY'), { name: 'AUTH_MASTER_KEY', value: '********', source: 'environment' })
  t.strictSame(row('DATABASE_URL'), { name: 'DATABASE_URL', value: '********', source: 'environment' })
  t.strictSame(row('AUTH_ACCESS_TTL'), { name: 'AUTH_ACCESS_TTL', value: '10m', source: 'environment' })
  t.strictSame(row('AUTH_REFRESH_GRACE'), { name: 'AUTH_REFRESH_GRACE', value: '10s', source: 'default' })
  t.notMatch(JSON.stringify(shown), 'hunter2')
  const metrics = { AUTH_METRICS: KEY }
  t.match(
    showSettings(load(metrics), metrics).find(({ name }) => name === 'AUTH_METRICS'),
    { value: '********' }
  )
  t.equal(load({ AUTH_METRICS_FILE: '/run/token' }, () => `${KEY}\n`).config.AUTH_METRICS, KEY)
})

t.test('a duration is its number in its unit, and nothing else is one', async () => {
  const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
  const unit = fc.constantFrom(...(Object.keys(units) as Array<keyof typeof units>))
  fc.assert(
    fc.property(
      fc.nat(999_999_999),
      unit,
      (amount, name) => parseDuration(`${amount}${name}`) === amount * units[name]
    )
  )
  fc.assert(
    fc.property(
      fc.string(),
      (text) => /^\d{1,9}(ms|s|m|h|d)$/.test(text) || Number.isNaN(parseDuration(text))
    )
  )
})

t.test('whatever is in the environment, settings are loaded or refused by a SettingsError', async () => {
  const name = fc.constantFrom(...Object.keys(Settings.properties), 'AUTH_UNKNOWN')
  fc.assert(
    fc.property(fc.dictionary(name, fc.string()), (env) => {
      faultsOf(env)
      return true
    }),
    { numRuns: 500 }
  )
})
