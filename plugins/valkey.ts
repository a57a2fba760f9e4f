import { once } from 'node:events'
import fp from 'fastify-plugin'
import { Redis } from 'ioredis'

/** Milliseconds until a command that Valkey does not answer has failed. */
const COMMAND_TIMEOUT = 250
const CONNECT_TIMEOUT = 2000
const LONGEST_RETRY = 1000
/** Milliseconds until a connection on which a command waits, and nothing arrives at all, is replaced. */
const LONGEST_SILENCE = 1000

declare module 'fastify' {
  interface FastifyInstance {
    /** The connection to Valkey or Redis; undefined without `REDIS_URL`. A command fails at once while it is lost. */
    valkey: Redis | undefined
  }
}

/**
 * Decorates `valkey`: what makes limits exact and news fast across instances, and never the truth. Without it, or while it
 * is lost, everything still works. Every key stands under `gatehouse:ISSUER:`.
 */
export default fp(
  async (fastify) => {
    const { REDIS_URL, AUTH_ISSUER } = fastify.config
    if (!REDIS_URL) {
      fastify.decorate('valkey', undefined)
      return
    }
    const valkey = new Redis(REDIS_URL, {
      keyPrefix: `gatehouse:${AUTH_ISSUER}:`,
      connectTimeout: CONNECT_TIMEOUT,
      commandTimeout: COMMAND_TIMEOUT,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      socketTimeout: LONGEST_SILENCE,
      disconnectTimeout: COMMAND_TIMEOUT,
      maxLoadingRetryTime: LONGEST_RETRY,
      retryStrategy: (tries) => Math.min(tries * 50, LONGEST_RETRY)
    })

    // One line when it is lost and one when it is back, not one a try.
    let lost = false
    const lose = (reason: string) => {
      if (!lost) fastify.log.warn({ reason }, 'Valkey is lost: revocations are polled')
      lost = true
    }
    valkey.on('error', (error) => lose(reasonOf(error)))
    valkey.on('reconnecting', () => lose('the connection was closed'))
    valkey.on('ready', () => {
      if (lost) fastify.log.info('Valkey is back')
      lost = false
    })

    fastify.decorate('valkey', valkey)
    fastify.addHook('onClose', async () => valkey.disconnect())
    await firstTry(valkey)
  },
  { name: 'valkey', dependencies: ['config'] }
)

/** What went wrong, in words. The error itself is not for the log: it carries the command, AUTH with its password, too. */
export function reasonOf(error: Error & { code?: string }): string {
  return error.message || (error.code ?? error.name)
}

// The first requests are counted exactly. A Valkey that is not there holds nobody up.
async function firstTry(valkey: Redis): Promise<void> {
  await once(valkey, 'ready', { signal: AbortSignal.timeout(CONNECT_TIMEOUT) }).catch(() => {})
}
