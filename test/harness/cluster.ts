import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { password, type Teardown } from './build.ts'
import { type Caller, caller } from './caller.ts'
import { postgres } from './engines.ts'
import type { FollowerNotice, FollowerSettings } from './follower.ts'
import { startServer } from './process.ts'

type Instance = Awaited<ReturnType<typeof startServer>>

/** A route that only memory is asked for, and who may call it: everybody, here. */
export const GUARDED = '/admin/keys'
const SCOPE_OF_EVERYBODY = 'keys:read'

const QUIET = {
  LOG_LEVEL: 'silent',
  AUTH_RATE_LIMIT_PER_IP: '0',
  AUTH_LOGIN_LIMIT_PER_IP: '0',
  AUTH_LOGIN_LIMIT_PER_ACCOUNT: '0',
  // As long as the longest measurement.
  AUTH_ACCESS_TTL: '1h',
  AUTH_FRESH_TTL: '1h'
}

export interface ClusterOptions {
  size?: number
  /** Where PostgreSQL is reached; a new database of its own, if left out. */
  databaseUrl?: string
  env?: Record<string, string>
}

/** Real server processes on one PostgreSQL, with one issuer and one master key. */
export interface Cluster {
  issuer: string
  instances: Instance[]
  /** The first administrator, signed in on the first instance. */
  administrator: Person
  /** Somebody new who has just registered on that instance. */
  signUp(instance?: number): Promise<Person>
  /** What an administrator does on that instance. Rejects where it does not answer 2xx. */
  administer(instance: number, method: string, path: string, body?: object): Promise<void>
  /** Ends an instance as a power cut does, and starts another one in its place. */
  restart(instance: number): Promise<void>
  /** A service in a process of its own that follows the revocations told at that address. */
  follow(url: string): Promise<FollowerNotice>
}

export interface Person {
  id: string
  sessionId: string
  /** The access token. */
  token: string
  /** Who acts as a browser of theirs does. */
  caller: Caller
}

/** Starts the instances, and the first administrator, who gives everybody leave to call the guarded route. */
export async function startCluster(t: Teardown, options: ClusterOptions = {}): Promise<Cluster> {
  const { size = 3, databaseUrl = await newDatabase(t) } = options
  const issuer = 'http://localhost:3000'
  const env = {
    ...QUIET,
    AUTH_ISSUER: issuer,
    AUTH_MASTER_KEY: randomBytes(32).toString('base64url'),
    DATABASE_URL: databaseUrl,
    ...options.env
  }
  const started = new Set<Instance>()
  t.teardown(() => Promise.all([...started].map((instance) => instance.stop('SIGKILL'))))
  const start = async () => {
    const instance = await startServer(env)
    started.add(instance)
    return instance
  }

  const first = await start()
  const instances = [first, ...(await Promise.all(Array.from({ length: size - 1 }, start)))]
  const administrator = await setUp(first)
  const urlOf = (instance: number) => (instances[instance] as Instance).url
  let people = 0

  return {
    issuer,
    instances,
    administrator,

    signUp(instance = 0) {
      people += 1
      return enter(caller(urlOf(instance)), '/auth/register', {
        email: `person${people}@example.com`,
        password
      })
    },

    async administer(instance, method, path, body) {
      const { status, body: answer } = await caller(urlOf(instance), administrator.token)(method, path, body)
      if (status > 299) throw new Error(`${path} answered ${status}: ${JSON.stringify(answer)}`)
    },

    async restart(instance) {
      await instances[instance]?.stop('SIGKILL')
      instances[instance] = await start()
    },

    follow: (url) => startFollower(t, { url, issuer, token: administrator.token })
  }
}

async function newDatabase(t: Teardown): Promise<string> {
  const { url, remove } = await postgres.create()
  t.teardown(remove)
  return url
}

async function setUp({ url, notice }: Instance): Promise<Person> {
  const token = new URL(notice.setup ?? '').hash.slice(1)
  const root = await enter(caller(url), '/auth/setup', { token, email: 'root@example.com', password })
  const scope = { description: '', scope: SCOPE_OF_EVERYBODY }
  await root.caller('PUT', '/admin/roles/user', scope)
  await root.caller('POST', '/auth/refresh')
  await root.caller('POST', '/admin/roles', { name: 'clerk', ...scope })
  return { ...root, token: root.caller.token() }
}

async function enter(as: Caller, path: string, body: object): Promise<Person> {
  const { status, body: answer } = await as('POST', path, body)
  if (status !== 201) throw new Error(`${path} answered ${status}: ${JSON.stringify(answer)}`)
  return { id: answer.user.id, sessionId: answer.session.id, token: as.token(), caller: as }
}
