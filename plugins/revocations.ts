import fp from 'fastify-plugin'
import { repeat } from '../domain/repeat.ts'
import { createLiveRevocations, type LiveRevocations } from '../domain/revocations/live-revocations.ts'
import { createAnnouncements } from './valkey/announcements.ts'
import { channelOf } from './valkey/client.ts'

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
    const { store, steadyClock: clock, monotonic, valkey, config, log } = fastify
    const revocations = createLiveRevocations({
      store,
      clock,
      monotonic,
      onFailure: (error) => log.warn({ err: error }, 'could not read revocations'),
      onCommit: () => announcements?.announce()
    })
    await revocations.poll()
    const stop = repeat(revocations.poll, POLL_INTERVAL, revocations.noteFailure)
    const announcements =
      valkey && createAnnouncements(valkey, channelOf(config.AUTH_ISSUER), log, revocations.announce)

    fastify.addHook('preClose', async () => {
      stop()
      revocations.close()
      announcements?.close()
    })
    fastify.decorate('revocations', revocations)
  },
  { name: 'revocations', dependencies: ['config', 'store', 'valkey'] }
)
