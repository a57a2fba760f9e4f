import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { buildApp, type Overrides } from '../../app.ts'
import type { Mail } from '../../domain/mail/messages.ts'
import { loadSettings } from '../../domain/settings/settings.ts'
import { Browser } from './browser.ts'
import { createClock, type TestClock } from './clock.ts'
import { type Engine, sqlite } from './engines.ts'

/** The part of a tap test that registers clean-up handlers. */
export interface Teardown {
  teardown(handler: () => Promise<unknown> | unknown): void
}

export interface TestApp {
  app: FastifyInstance
  clock: TestClock
  /** The mails sent so far. `app.deliverMail()` sends what waits. */
  mails: Mail[]
  /** The settings of the app, for a second instance on the same database. */
  env: Record<string, string>
  browser(headers?: Record<string, string>): Browser
  /** Registers a new user, and returns their browser. */
  signUp(email?: string): Promise<Browser>
  /** Sets up the first administrator, and returns their browser. */
  setUp(email?: string): Promise<Browser>
}

export interface BuildOptions extends Omit<Overrides, 'clock'> {
  engine?: Engine
  env?: Record<string, string>
  clock?: TestClock
  /** Adds routes for the test to those of production. */
  routes?: (app: FastifyInstance) => void
}

export const password = 'correct horse battery staple'

/** Turns limits off: the suite is one busy address on a busy machine. A test of a limit sets that limit. */
const QUIET = {
  LOG_LEVEL: 'silent',
  AUTH_MAX_EVENT_LOOP_DELAY: 'off',
  AUTH_RATE_LIMIT_PER_IP: '0',
  AUTH_LOGIN_LIMIT_PER_IP: '0',
  AUTH_LOGIN_LIMIT_PER_ACCOUNT: '0'
}

/** A twentieth of the least memory that the settings allow. */
const HASH_MEMORY_KIB = 1024

/** Builds the production app on a new database, with a clock that the test controls. */
export async function build(t: Teardown, options: BuildOptions = {}): Promise<TestApp> {
  const { engine = sqlite, env = {}, clock = createClock(), routes, ...overrides } = options
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-'))
  const database = env.DATABASE_URL ? undefined : await engine.create()
  const settings = {
    ...QUIET,
    ...(overrides.log && { LOG_LEVEL: 'info' }),
    AUTH_DATA_DIR: folder,
    ...(database && { DATABASE_URL: database.url }),
    ...env
  }
  const { config } = loadSettings(settings, () => '')
  // A test that sets the cost checks the cost.
  const hashMemoryKib = env.AUTH_ARGON2_MEMORY_KIB ? undefined : HASH_MEMORY_KIB
  const mails: Mail[] = []
  const mailTransport = { send: async (mail: Mail) => void mails.push(mail), close: () => {} }
  const app = await buildApp(config, { clock, elapsed: clock, hashMemoryKib, mailTransport, ...overrides })
  t.teardown(async () => {
    await app.close()
    // Not awaited, because it is slow: PostgreSQL makes a checkpoint before it drops a database.
    void database?.remove()
    await rm(folder, { recursive: true, force: true })
  })
  routes?.(app)
  await app.ready()
  const browser = (headers?: Record<string, string>) => new Browser(app, headers)

  return {
    app,
    clock,
    mails,
    env: settings,
    browser,
    async signUp(email = 'ada@example.com') {
      const window = browser()
      const { status, text } = await window.post('/auth/register', { email, password })
      if (status !== 201) throw new Error(`could not register: ${text}`)
      return window
    },
    async setUp(email = 'root@example.com') {
      const window = browser()
      const link = await app.accounts.firstAdministrator.issueLink()
      const { status, text } = await window.post('/auth/setup', { token: link?.token, email, password })
      if (status !== 201) throw new Error(`could not set up: ${text}`)
      return window
    }
  }
}
