import rateLimit, { type RateLimitOptions } from '@fastify/rate-limit'
import type { onRequestAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { MINUTE } from '../../domain/clock.ts'
import { Problem } from '../../domain/errors.ts'
import { RateLimitStore, SharedCounts } from './rate-limit-store.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** An `onRequest` hook for routes that check a password or a one-time token. */
    loginLimit: onRequestAsyncHookHandler
  }
}

/** Limits requests by address (IPv6: one /64) on every route. Decorates `loginLimit`, a tighter limit that all sign-ins share. */
export default fp(
  async (fastify) => {
    const { AUTH_RATE_LIMIT_PER_IP: perIp, AUTH_LOGIN_LIMIT_PER_IP: loginsPerIp } = fastify.config
    const isLimited = perIp > 0 || loginsPerIp > 0
    const shared = isLimited && fastify.valkey ? new SharedCounts(fastify.valkey, fastify.log) : undefined
    await shared?.try()
    await fastify.register(rateLimit, {
      global: perIp > 0,
      max: perIp,
      timeWindow: MINUTE,
      store: class extends RateLimitStore {
        constructor() {
          super('requests', shared)
        }
      },
      errorResponseBuilder: (_request, { ttl }) => refusal(ttl)
    })

    const logins: RateLimitOptions = { max: loginsPerIp, timeWindow: MINUTE, groupId: 'logins' }
    const countLogin = fastify.createRateLimit(logins)
    fastify.decorate('loginLimit', async (request) => {
      if (loginsPerIp === 0) return
      const counted = await countLogin(request)
      if (!counted.isAllowed && counted.isExceeded) throw refusal(counted.ttl)
    })
  },
  { name: 'rate-limits', dependencies: ['config', 'valkey', 'forwarded-address'] }
)

function refusal(ttl: number): Problem {
  return new Problem('rate_limited', { retryAfter: Math.max(1, Math.ceil(ttl / 1000)) })
}
