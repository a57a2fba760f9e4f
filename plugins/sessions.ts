import fp from 'fastify-plugin'
import { createSessions, type Sessions } from '../domain/sessions/sessions.ts'

declare module 'fastify' {
  interface FastifyInstance {
    sessions: Sessions
  }
}

/** Decorates `sessions`, which opens, refreshes, lists and ends sessions. */
export default fp(
  async (fastify) => {
    const { store, clock, config, derivedKeys, instruments } = fastify
    fastify.decorate(
      'sessions',
      createSessions({
        store,
        clock,
        rules: {
          refreshKeys: derivedKeys.refreshToken,
          idleTtl: config.AUTH_SESSION_IDLE_TTL,
          maxTtl: config.AUTH_SESSION_MAX_TTL,
          grace: config.AUTH_REFRESH_GRACE,
          unseen: config.AUTH_REFRESH_UNSEEN
        },
        onRefresh: instruments && ((result) => instruments.refreshes.inc({ result }))
      })
    )
  },
  { name: 'sessions', dependencies: ['config', 'derived-keys', 'store', 'instruments'] }
)
