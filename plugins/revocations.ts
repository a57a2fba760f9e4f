import fp from 'fastify-plugin'
import { repeat } from '../domain/repeat.ts'
import { createLiveRevocations, type LiveRevocations } from '../domain/revocations/live-revocations.ts'

const POLL_INTERVAL = 250

declare module 'fastify' {
  interface FastifyInstance {
    revocations: LiveRevocations
  }
}

/**
 * Decorates `revocations`. Reads them every 250 ms, and as soon as another instance announces a commit through Valkey. The
 * announcement has no content: only the database says what was revoked.
 */
export default fp(
  async (fastify) => {
    const { store, steadyClock: clock, monotonic, valkey, config } = fastify
    const channel = `gatehouse:${config.AUTH_ISSUER}:revocations`
    const revocations = createLiveRevocations({
      store,
      clock,
      monotonic,
      onFailure: (error) => fastify.log.warn({ err: error }, 'could not read revocations'),
      onCommit: () => valkey?.publish(channel, '').catch(() => {})
    })
    await revocations.poll()
    const stop = repeat(revocations.poll, POLL_INTERVAL, revocations.noteFailure)

    // If ioredis resubscribed by itself and failed, nothing would catch the error, and the process would end.
    const subscriber = valkey?.duplicate({ autoResubscribe: false })
    subscriber?.on('error', () => {})
    subscriber?.on('message', revocations.announce)
    // The address may lead to another server now: both connections must be at the same one.
    valkey?.on('reconnecting', () => {
      if (subscriber?.status === 'ready') subscriber.disconnect(true)
    })
    // Subscribes after each new connection. Polling reads what missed announcements would have reported.
    subscriber?.on('ready', () => subscriber.subscribe(channel).catch(() => {}))

    fastify.addHook('preClose', async () => {
      stop()
      revocations.close()
      subscriber?.disconnect()
    })
    fastify.decorate('revocations', revocations)
  },
  { name: 'revocations', dependencies: ['config', 'store', 'valkey'] }
)
