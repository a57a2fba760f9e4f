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
 * Decorates `revocations`: read every 250 ms, and as soon as another instance announces a commit through Valkey. The
 * announcement has no content: only the database says what was revoked.
 */
export default fp(
  async (fastify) => {
    const { store, clock, monotonic, valkey, config } = fastify
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

    // If ioredis subscribes again by itself and fails, nobody catches the error, and the process ends.
    const subscriber = valkey?.duplicate({ autoResubscribe: false })
    subscriber?.on('error', () => {})
    subscriber?.on('message', revocations.announce)
    // After each new connection. Announcements that were missed are read by polling.
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
