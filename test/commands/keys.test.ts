import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeProtectedHeader } from 'jose'
import t from 'tap'
import { DAY, MINUTE, SECOND, toIso } from '../../domain/clock.ts'
import { withStatus } from '../../domain/keys/schedule.ts'
import { signingKeyView } from '../../routes/views/signing-key.ts'
import type { SigningKeyView } from '../../schemas/signing-key.ts'
import { build, password, type Teardown } from '../harness/build.ts'
import { gatehouse, perform } from '../harness/command.ts'
import { postgres } from '../harness/engines.ts'
import { type Ended, startServer } from '../harness/program.ts'

const EX_USAGE = 64
const EX_CONFIG = 78

const keys = (words: string[], env: Record<string, string>) => gatehouse(['keys', ...words], env)

async function keysJson(words: string[], env: Record<string, string>) {
  const { code, stdout, stderr } = await keys([...words, '--json'], env)
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

const pemOf = ({ privateKey }: ReturnType<typeof newKey>) =>
  privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const newKey = () => generateKeyPairSync('ed25519')

/** A file with this in it, gone when the test is over. */
async function file(t: Teardown, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'key.pem')
  await writeFile(path, text)
  return path
}

// On PostgreSQL the commands stand beside real services, below.
t.test('beside a running service', async (t) => {
  const service = await build(t)
  const { app, clock, env } = service
  const ada = await service.signUp()

  // The commands go by the real time: the service's own is brought there.
  async function catchUp(): Promise<void> {
    clock.advance(Date.now() - clock())
    await app.signingKeys.poll()
  }
  const shown = () => withStatus(app.signingKeys.schedule()).map(signingKeyView)

  t.test('keys list shows what the service has, for people and for programs', async (t) => {
    t.strictSame((await perform(env, 'keys list')).json, shown())
    const { code, stdout, stderr } = await keys(['list'], env)
    t.equal(code, 0)
    t.equal(stderr, '')
    const { active, next } = app.signingKeys.schedule()
    const from = toIso(active.activatesAt)
    const due = toIso(active.activatesAt + 30 * DAY)
    t.equal(
      stdout,
      `${next?.kid}  ES256  next    signs from ${due}\n${active.kid}  ES256  active  signs from ${from}\n`
    )
  })

  t.test('keys list changes nothing, whatever its settings', async (t) => {
    const before = await app.store.signingKeys.list()
    await perform({ ...env, AUTH_JWT_ALG: 'RS256', AUTH_KEY_ROTATION: '10s' }, 'keys list')
    t.strictSame(await app.store.signingKeys.list(), before)
  })

  t.test('keys rotate has the next key sign in the service, as the operator', async (t) => {
    const { active, next } = app.signingKeys.schedule()
    const { json: printed } = await perform(env, 'keys rotate')
    await catchUp()
    t.strictSame(printed, shown())
    t.equal(app.signingKeys.schedule().active.kid, next?.kid)
    t.strictSame(
      app.signingKeys.schedule().retired.map(({ kid }) => kid),
      [active.kid]
    )
    t.equal((await ada.get('/auth/me')).status, 200)
    await ada.post('/auth/refresh')
    t.equal(decodeProtectedHeader(ada.value('access')).kid, next?.kid)
    const [event] = await app.store.audit.list({ limit: 1, type: 'key.rotated' })
    t.match(event, { actorId: 'operator', ip: null, detail: { activated: [next?.kid] } })
  })

  t.test('keys rotate again says when the next one signs', async (t) => {
    const started = Date.now()
    const { json } = await perform(env, 'keys rotate')
    const [next, active] = json as [SigningKeyView, SigningKeyView]
    t.match([next.status, active.status], ['next', 'active'])
    const due = Date.parse(next.createdAt) + 2 * MINUTE
    t.equal(next.activatesAt, toIso(due))
    t.ok(due < started + 2 * MINUTE)
    await catchUp()
    t.equal(app.signingKeys.schedule().active.kid, active.kid)
  })

  t.test('keys import has a key from elsewhere sign, as PEM and as JWK', async (t) => {
    const [first, second] = [newKey(), newKey()]
    const texts = [pemOf(first), JSON.stringify(second.privateKey.export({ format: 'jwk' }))]
    for (const text of texts) {
      const { json: printed } = await perform(env, 'keys import', {}, [await file(t, text)])
      await catchUp()
      t.strictSame(printed, shown())
      const { active } = app.signingKeys.schedule()
      t.match(active, { algorithm: 'EdDSA', imported: true })
      await ada.post('/auth/refresh')
      t.match(decodeProtectedHeader(ada.value('access')), { kid: active.kid, alg: 'EdDSA' })
      t.equal((await ada.get('/auth/me')).status, 200)
      const [event] = await app.store.audit.list({ limit: 1, type: 'key.imported' })
      t.match(event, { actorId: 'operator', detail: { kid: active.kid } })
      t.notMatch(JSON.stringify(printed), 'PRIVATE')
    }
  })

  t.test('keys revoke withdraws a key from the service, as the operator', async (t) => {
    const { active, next } = app.signingKeys.schedule()
    const token = ada.value('access')
    t.equal(decodeProtectedHeader(token).kid, active.kid)
    const { json: printed } = await perform(env, 'keys revoke', {}, [active.kid])
    await catchUp()
    await app.revocations.poll()
    t.strictSame(printed, shown())
    t.equal(app.signingKeys.schedule().active.kid, next?.kid)
    t.match(await ada.get('/auth/me'), { status: 401, body: { code: 'token_stale' } })
    await ada.post('/auth/refresh')
    t.equal(decodeProtectedHeader(ada.value('access')).kid, next?.kid)
    t.equal((await ada.get('/auth/me')).status, 200)
    const [event] = await app.store.audit.list({ limit: 1, type: 'key.revoked' })
    t.match(event, { actorId: 'operator', ip: null, detail: { removed: [active.kid] } })
  })

  t.test(
    'keys revoke of what is no key is told in a line, one that begins with - comes after --',
    async (t) => {
      for (const words of [['nothing'], ['--', '-nothing']]) {
        const { code, stdout, stderr } = await keys(['revoke', ...words], env)
        t.strictSame([code, stdout, stderr], [1, '', 'There is no signing key with this id.\n'])
      }
      const { code, stderr } = await keys(['revoke', '-nothing'], env)
      t.equal(code, EX_USAGE)
      t.match(stderr, /'--'/)
    }
  )

  t.test('keys import of what is no such key is told in a line, and changes nothing', async (t) => {
    const before = await app.store.signingKeys.list()
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    const cases: Array<[text: string, reason: RegExp]> = [
      [p384.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), /Keys are P-256, Ed25519 or RSA/],
      ['correct horse', /This is no private key in PEM or JWK form/]
    ]
    for (const [text, reason] of cases) {
      const { code, stdout, stderr } = await keys(['import', await file(t, text)], env)
      t.equal(code, 1)
      t.equal(stdout, '')
      t.match(stderr, reason)
      t.match(stderr, /^[^\n]+\n$/)
      t.notMatch(stderr, text)
    }
    t.strictSame(await app.store.signingKeys.list(), before)
  })
})

t.test('keys import called wrongly opens no database', async (t) => {
  const env = { DATABASE_URL: 'postgres://127.0.0.1:1/x' }
  const expect = async (words: string[], code: number, reason: RegExp) => {
    const ended: Ended = await keys(words, env)
    t.equal(ended.code, code, words.join(' '))
    t.match(ended.stderr, reason)
    t.notMatch(ended.stderr, /\n\s+at /)
  }
  await expect(['import', 'a', 'b'], EX_USAGE, /unexpected word b/)
  await expect(['import', '/no/such/file'], 1, /^\/no\/such\/file cannot be read \(ENOENT\)\n$/)
  await t.rejects(perform(env, 'keys import', {}, []), /FILE is needed/)
  await t.rejects(perform(env, 'keys revoke', {}, []), /KID is needed/)
  await t.rejects(perform(env, 'keys import', {}, [tmpdir()]), /cannot be read \(EISDIR\)/)
  await expect(['frob'], EX_USAGE, /There is no command keys frob/)
})

t.test('keys under another master key are refused in a line with 78', async (t) => {
  const { env } = await build(t)
  const { code, stdout, stderr } = await keys(['list'], {
    ...env,
    AUTH_MASTER_KEY: randomBytes(48).toString('base64url')
  })
  t.equal(code, EX_CONFIG)
  t.equal(stdout, '')
  t.equal(
    stderr,
    'The master key does not open the signing keys of this database: it belongs to another one\n'
  )
})

t.test('real services on PostgreSQL', { skip: postgres.missing }, async (t) => {
  const database = await postgres.create()
  t.teardown(() => database.remove())
  const env = {
    DATABASE_URL: database.url,
    AUTH_MASTER_KEY: randomBytes(48).toString('base64url'),
    AUTH_ISSUER: 'http://localhost:3000',
    AUTH_RATE_LIMIT_PER_IP: '0',
    AUTH_LOGIN_LIMIT_PER_IP: '0',
    LOG_LEVEL: 'silent'
  }
  const servers = await Promise.all([startServer(env), startServer(env)])
  for (const server of servers) t.teardown(() => server.stop('SIGINT'))
  const people = await Promise.all(servers.map(({ url }, index) => register(url, `p${index}@example.com`)))

  /** How many milliseconds it takes from now until everybody's new tokens are signed by this key. */
  async function signedBy(kid: string): Promise<number> {
    const started = performance.now()
    for (const person of people) {
      do await person.refresh()
      while (decodeProtectedHeader(person.access()).kid !== kid && performance.now() - started < 5000)
    }
    return performance.now() - started
  }

  async function isBelievedByAll(): Promise<boolean> {
    const calls = people.flatMap((person) =>
      servers.map(({ url }) =>
        fetch(`${url}/auth/me`, { headers: { authorization: `Bearer ${person.access()}` } })
      )
    )
    return (await Promise.all(calls)).every(({ status }) => status === 200)
  }

  const activeOf = (printed: Array<{ kid: string; status: string }>) =>
    printed.find(({ status }) => status === 'active')?.kid as string

  t.test('sign with the next key within a second of keys rotate', async (t) => {
    const before = decodeProtectedHeader(people[0]?.access() as string).kid
    const kid = activeOf(await keysJson(['rotate'], env))
    t.not(kid, before)
    const took = await signedBy(kid)
    t.ok(took < SECOND, `${Math.round(took)} ms`)
    t.ok(await isBelievedByAll())
  })

  t.test('sign with an imported key within a second of keys import', async (t) => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 3072 })
    const text = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
    const kid = activeOf(await keysJson(['import', await file(t, text)], env))
    const took = await signedBy(kid)
    t.ok(took < SECOND, `${Math.round(took)} ms`)
    t.ok(await isBelievedByAll())
    for (const { url } of servers) {
      const { keys } = (await (await fetch(`${url}/.well-known/jwks.json`)).json()) as {
        keys: Array<{ kid: string; alg: string }>
      }
      t.equal(keys.find((key) => key.kid === kid)?.alg, 'RS256')
    }
  })

  t.test('go on with the imported key after a restart', async (t) => {
    const [first] = servers
    const kid = activeOf(await keysJson(['list'], env))
    await first.stop('SIGINT')
    const again = await startServer(env)
    t.teardown(() => again.stop('SIGINT'))
    const person = await register(again.url, 'later@example.com')
    t.equal(decodeProtectedHeader(person.access()).kid, kid)
  })
})

/** Somebody new at this service, with the cookies of the last answer. */
async function register(origin: string, email: string) {
  const cookies = new Map<string, string>()
  async function post(path: string, body?: object): Promise<void> {
    const response = await fetch(origin + path, {
      method: 'POST',
      headers: {
        'sec-fetch-site': 'same-origin',
        cookie: [...cookies].map((pair) => pair.join('=')).join('; '),
        ...(body && { 'content-type': 'application/json' })
      },
      ...(body && { body: JSON.stringify(body) })
    })
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`)
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (line.split(';', 1)[0] as string).split('=')
      cookies.set(name, value)
    }
  }
  await post('/auth/register', { email, password })
  return { refresh: () => post('/auth/refresh'), access: () => cookies.get('access') as string }
}
