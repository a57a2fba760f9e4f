import fp from 'fastify-plugin'
import { createOneTimeLinks, type OneTimeLinks } from '../domain/one-time-tokens.ts'

declare module 'fastify' {
  interface FastifyInstance {
    oneTimeLinks: OneTimeLinks
  }
}

/** Decorates `oneTimeLinks`: the first administrator's, and those by which a password is chosen. */
export default fp(
  async (fastify) => {
    const { store, clock, sessions, passwords, config, loginThrottle } = fastify
    fastify.decorate(
      'oneTimeLinks',
      createOneTimeLinks({
        store,
        clock,
        sessions,
        ...passwords,
        throttle: loginThrottle,
        issuer: config.AUTH_ISSUER
      })
    )
  },
  { name: 'one-time-links', dependencies: ['config', 'store', 'sessions', 'passwords', 'login-throttle'] }
)
