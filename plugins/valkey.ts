import { once } from 'node:events'
import fp from 'fastify-plugin'
import type { Redis } from 'ioredis'
import { ValkeyClient } from './valkey/client.ts'
import { type Explained, explain } from './valkey/refusal.ts'

/** Milliseconds after which an unanswered command fails. */
const COMMAND_TIMEOUT = 250
const CONNECT_TIMEOUT = 2000
const LONGEST_RETRY = 1000
/** Milliseconds after which a connection is replaced if a command waits on it and nothing arrives. */
const LONGEST_SILENCE = 1000
/** A server that refuses a count in one of these ways is not the primary, or not yet. The address may lead to another one now. */
const ELSEWHERE = /^(READONLY|MASTERDOWN|LOADING|NOPERM)/
/** What ioredis reports when it begins the list of Sentinels again, before it asked any. */
const LIST_AGAIN = /^All sentinels are unreachable\. Retrying from scratch after \d+ms\.$/

declare module 'fastify' {
  interface FastifyInstance {
    /** The connection to Valkey or Redis; undefined without `REDIS_URL`. While it is lost, commands fail at once. */
    valkey: Redis | undefined
  }
}

/**
 * Decorates `valkey`, which makes limits exact and revocations fast across instances. The database remains authoritative:
 * without Valkey, everything still works. Every key has the prefix `gatehouse:ISSUER:`.
 */
export default fp(
  async (fastify) => {
    const { REDIS_URL, AUTH_ISSUER } = fastify.config
    if (!REDIS_URL) {
      fastify.decorate('valkey', undefined)
      return
    }
    let isReplacing = false
    const valkey = new ValkeyClient(REDIS_URL, AUTH_ISSUER, {
      connectTimeout: CONNECT_TIMEOUT,
      commandTimeout: COMMAND_TIMEOUT,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      socketTimeout: LONGEST_SILENCE,
      disconnectTimeout: COMMAND_TIMEOUT,
      retryStrategy: (tries) => Math.min(tries * 50, LONGEST_RETRY),
      // Only for counts: they are tried once a second while they fail, so a server that keeps refusing costs a connection a second.
      reconnectOnError: (error: Error & { command?: { name: string } }) => {
        const isElsewhere = error.command?.name === 'eval' && ELSEWHERE.test(error.message)
        isReplacing ||= isElsewhere
        return isElsewhere
      }
    })

    // Logs one line when the connection is lost and one when it is back, not one per try.
    let lost = false
    const lose = (explained: Explained) => {
      if (!lost) fastify.log.warn(explained, 'Valkey is lost: revocations are polled')
      lost = true
    }
    valkey.on('error', (error) => {
      if (!LIST_AGAIN.test(error.message)) lose(explain(error))
    })
    valkey.on('reconnecting', () => {
      if (!isReplacing) lose({ reason: 'the connection was closed' })
    })
    valkey.on('ready', () => {
      isReplacing = false
      if (lost) fastify.log.info('Valkey is back')
      lost = false
    })

    fastify.decorate('valkey', valkey)
    fastify.addHook('onClose', async () => valkey.disconnect())
    await firstTry(valkey)
  },
  { name: 'valkey', dependencies: ['config'] }
)

// Waits for Valkey, so that limits are exact from the first request; starts without it after the timeout.
async function firstTry(valkey: Redis): Promise<void> {
  await once(valkey, 'ready', { signal: AbortSignal.timeout(CONNECT_TIMEOUT) }).catch(() => {})
}
