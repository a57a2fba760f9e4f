import fp from 'fastify-plugin'
import { createKeyRing, type KeyRing, POLL_INTERVAL } from '../domain/keys/key-ring.ts'
import { repeat } from '../domain/repeat.ts'

const MAINTENANCE_INTERVAL = 1000

declare module 'fastify' {
  interface FastifyInstance {
    signingKeys: KeyRing
  }
}

/** Decorates `signingKeys`: the database's keys in memory, read every 250 ms, and rotated on schedule while listening. */
export default fp(
  async (fastify) => {
    const { config, store, derivedKeys, clock, monotonic, revocations, log } = fastify
    const signingKeys = createKeyRing({
      store,
      clock,
      monotonic,
      rules: { algorithm: config.AUTH_JWT_ALG, rotation: config.AUTH_KEY_ROTATION },
      wrapKeys: derivedKeys.signingKeyWrap,
      pollRevocations: revocations.poll,
      onFault: (kid, message, error) =>
        log.error({ kid, ...(error !== undefined && { err: error }) }, message)
    })
    await signingKeys.begin()

    const warn = (message: string) => (error: unknown) => log.warn({ err: error }, message)
    const stops = [repeat(signingKeys.poll, POLL_INTERVAL, warn('could not read the signing keys'))]
    fastify.addHook('onListen', async () => {
      stops.push(
        repeat(signingKeys.maintain, MAINTENANCE_INTERVAL, warn('could not rotate the signing keys'))
      )
    })
    fastify.addHook('preClose', async () => {
      for (const stop of stops) stop()
    })
    fastify.decorate('signingKeys', signingKeys)
  },
  { name: 'signing-keys', dependencies: ['config', 'derived-keys', 'store', 'revocations'] }
)
