import type { Server } from 'node:http'
import Fastify, { type FastifyHttpOptions, type FastifyInstance } from 'fastify'
import type { Clock, Monotonic } from './domain/clock.ts'
import type { Config } from './domain/settings/config.ts'
import accounts from './plugins/accounts.ts'
import audit from './plugins/audit.ts'
import breachCheck from './plugins/breach-check.ts'
import clients from './plugins/clients.ts'
import config from './plugins/config.ts'
import derivedKeys from './plugins/derived-keys.ts'
import outbox from './plugins/mail/outbox.ts'
import instruments from './plugins/metrics/instruments.ts'
import passwords from './plugins/passwords.ts'
import retention from './plugins/retention.ts'
import revocations from './plugins/revocations.ts'
import roles from './plugins/roles.ts'
import sessions from './plugins/sessions.ts'
import signIn from './plugins/sign-in.ts'
import signingKeys from './plugins/signing-keys.ts'
import store from './plugins/store.ts'
import valkey from './plugins/valkey.ts'

/** Parts that tests replace. */
export interface CoreOverrides {
  clock?: Clock
  monotonic?: Monotonic
  /** The time that has passed, for what may be forgotten; by default that of `monotonic`. */
  elapsed?: Monotonic
  /** KiB of memory per password hash, less than the settings allow: the suite makes thousands of hashes. */
  hashMemoryKib?: number | undefined
}

/** Builds the instance without HTTP: the database, the keys and all rules. Commands use it; the service extends it. */
export async function buildCore(
  settings: Config,
  {
    clock = Date.now,
    monotonic = () => performance.now(),
    elapsed = monotonic,
    hashMemoryKib
  }: CoreOverrides = {},
  options: FastifyHttpOptions<Server> = {}
): Promise<FastifyInstance> {
  // No timeout: if another instance migrates the schema, the start waits until that is done.
  const core = Fastify({ ...options, pluginTimeout: 0 })
  return closedIfFailed(core, async () => {
    await core.register(config, { config: settings, clock, monotonic, elapsed })
    await core.register(instruments)
    await core.register(valkey)
    await core.register(store)
    await core.register(derivedKeys)
    await core.register(audit)
    await core.register(outbox)
    await core.register(retention)
    await core.register(revocations)
    await core.register(signingKeys)
    await core.register(breachCheck)
    await core.register(passwords, { hashMemoryKib })
    await core.register(sessions)
    await core.register(signIn)
    await core.register(accounts)
    await core.register(roles)
    await core.register(clients)
  })
}

/** Runs `work`, and returns the instance. If `work` fails, closes the instance and rethrows the error. */
export async function closedIfFailed(
  instance: FastifyInstance,
  work: () => Promise<void>
): Promise<FastifyInstance> {
  try {
    await work()
  } catch (error) {
    await instance.close()
    throw error
  }
  return instance
}
