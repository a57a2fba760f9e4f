import fp from 'fastify-plugin'
import { decorateGuard } from '../verifier/fastify.ts'

export { isGuard } from '../verifier/fastify.ts'

/**
 * Decorates `guard(options)` and `request.auth`: the guard that other services install, over our own keys and revocations.
 * Refusals go to the error handler; other sites' requests were refused before (`cross-site.ts`).
 */
export default fp(
  async (fastify) => {
    const { accessTokens, sessionCookies, clock } = fastify
    const settings = {
      verifier: accessTokens,
      cookies: [sessionCookies.names.access],
      allowedOrigins: 'unchecked' as const,
      clock
    }
    decorateGuard(fastify, settings, (refusal) => {
      throw refusal
    })
  },
  { name: 'guard', dependencies: ['config', 'session-cookies', 'access-tokens'] }
)
