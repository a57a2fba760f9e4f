import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { password, type Teardown } from './build.ts'
import { Client } from './client.ts'
import { postgres } from './engines.ts'
import type { FollowerSettings } from './follower.ts'
import { freePort } from './port.ts'
import { inherited, startServer } from './program.ts'

type Instance = Awaited<ReturnType<typeof startServer>>

/** A guarded route that needs only memory, and its scope. /auth/me would ask the database, too. */
const GUARDED = '/admin/keys'
const SCOPE = 'keys:read'

const SETTINGS = {
  LOG_LEVEL: 'silent',
  AUTH_ISSUER: 'http://localhost:3000',
  // The limits are on, but too high for the tests to reach.
  AUTH_RATE_LIMIT_PER_IP: '1000000',
  AUTH_LOGIN_LIMIT_PER_IP: '1000000',
  // As long as the longest measurement.
  AUTH_ACCESS_TTL: '1h',
  AUTH_FRESH_TTL: '1h',
  // A refresh whose reply was lost in an outage must still be valid after it.
  AUTH_REFRESH_GRACE: '60s'
}

/** A signed-in user. `cookie` is the header that their browser sends. */
export interface Person {
  id: string
  sessionId: string
  cookie: string
}

/** Server processes on one PostgreSQL, with one issuer and one master key. */
export interface Cluster {
  instances: Instance[]
  /** Returns the guarded route of each instance. */
  routes(): string[]
  /** Registers a new user on an instance. */
  signUp(instance: number): Promise<Person>
  /** Returns a client of an instance in which the first administrator is signed in. */
  administrator(instance: number): Client
  /** Ends an instance with SIGKILL, as a power cut would. */
  kill(instance: number): Promise<void>
  /** Starts an instance again on the same port. */
  revive(instance: number): Promise<void>
  /** Starts a service in a separate process that follows the revocations of the Gatehouse at `url`. Returns its guarded route. */
  follow(url: string): Promise<string>
}

/** Starts three instances, on a new database if `env` names none. */
export async function startCluster(t: Teardown, env: Record<string, string> = {}): Promise<Cluster> {
  const settings = {
    ...SETTINGS,
    AUTH_MASTER_KEY: randomBytes(32).toString('base64url'),
    ...env,
    DATABASE_URL: env.DATABASE_URL ?? (await newDatabase(t))
  }
  const start = async (port?: number) => {
    const usual = port ?? (await freePort())
    const instance = await startServer({ ...settings, PORT: String(usual) })
    t.teardown(() => instance.stop('SIGKILL'))
    return { ...instance, url: `http://127.0.0.1:${usual}` }
  }

  // Each start withdraws the set-up link of the previous one: set up before the others start.
  const first = await start()
  const { cookie, token } = await setUp(first)
  const instances = [first, ...(await Promise.all([start(), start()]))]
  const urlOf = (instance: number) => (instances[instance] as Instance).url
  let people = 0

  return {
    instances,
    routes: () => instances.map(({ url }) => url + GUARDED),
    administrator: (instance) => new Client(urlOf(instance), cookie),

    async signUp(instance) {
      people += 1
      const client = new Client(urlOf(instance))
      const email = `person${people}@example.com`
      const { user, session } = await client.must('POST', '/auth/register', { email, password })
      return { id: user.id, sessionId: session.id, cookie: client.cookie }
    },

    async kill(instance) {
      await instances[instance]?.stop('SIGKILL')
    },

    async revive(instance) {
      instances[instance] = await start(Number(new URL(urlOf(instance)).port))
    },

    follow: (url) => startFollower(t, { url, token, issuer: SETTINGS.AUTH_ISSUER })
  }
}

async function newDatabase(t: Teardown): Promise<string> {
  const { url, remove } = await postgres.create()
  t.teardown(() => void remove())
  return url
}

/** Lets all users call the guarded route. Returns the first administrator's cookies and a follower's token. */
async function setUp({ url, notice }: Instance): Promise<{ cookie: string; token: string }> {
  const token = new URLSearchParams(new URL(notice.setup ?? '').hash.slice(1)).get('token')
  const root = new Client(url)
  await root.must('POST', '/auth/setup', { token, email: 'root@example.com', password })
  await root.must('PUT', '/admin/roles/user', { scope: SCOPE })
  await root.must('POST', '/auth/refresh')
  await root.must('POST', '/admin/roles', { name: 'clerk', scope: SCOPE })
  const follower = { name: 'follower', scope: 'revocations:read' }
  const { id, clientSecret } = await root.must('POST', '/admin/clients', follower)
  return { cookie: root.cookie, token: await clientToken(url, id, clientSecret) }
}

async function clientToken(url: string, client_id: string, client_secret: string): Promise<string> {
  const body = new URLSearchParams({ grant_type: 'client_credentials', client_id, client_secret })
  const response = await fetch(`${url}/oauth/token`, { method: 'POST', body })
  if (!response.ok) throw new Error(`no token for the follower: ${await response.text()}`)
  return ((await response.json()) as { access_token: string }).access_token
}

async function startFollower(t: Teardown, settings: FollowerSettings): Promise<string> {
  const script = fileURLToPath(new URL('./follower.ts', import.meta.url))
  const child = spawn(process.execPath, [script, JSON.stringify(settings)], {
    env: inherited(),
    stdio: ['ignore', 'ignore', 'inherit', 'ipc']
  })
  t.teardown(async () => {
    if (child.exitCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const [route] = await once(child, 'message')
  return route as string
}
