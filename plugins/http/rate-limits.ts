import rateLimit, { type FastifyRateLimitStore } from '@fastify/rate-limit'
import fp from 'fastify-plugin'
import { MINUTE } from '../../domain/clock.ts'
import { Problem } from '../../domain/errors.ts'
import { RequestCounter } from './request-counter.ts'
import { SharedCounts } from './shared-counts.ts'

type Counted = Parameters<FastifyRateLimitStore['incr']>[1]

declare module 'fastify' {
  interface FastifyInstance {
    /** Makes the counter of one limit, with separate counts. */
    requestCounter(group: string): RequestCounter
  }
}

/** Limits requests by address (IPv6: one /64) on every route. Decorates `requestCounter`, for tighter limits. */
export default fp(
  async (fastify) => {
    const { AUTH_RATE_LIMIT_PER_IP: max, AUTH_LOGIN_LIMIT_PER_IP: logins } = fastify.config
    const shared = fastify.valkey && new SharedCounts(fastify.valkey, fastify.log)
    if (max > 0 || logins > 0) await shared?.try()
    fastify.decorate('requestCounter', (group) => new RequestCounter(group, shared))
    const counter = fastify.requestCounter('requests')

    await fastify.register(rateLimit, {
      global: max > 0,
      max,
      timeWindow: MINUTE,
      store: class implements FastifyRateLimitStore {
        incr(key: string, callback: Counted, window: number, limit: number): void {
          counter.count(key, window, limit).then((count) => callback(null, count), callback)
        }

        // No route has a limit of its own.
        child() {
          return this
        }
      },
      errorResponseBuilder: (_request, { ttl }) => tooMany(ttl)
    })
  },
  { name: 'rate-limits', dependencies: ['config', 'valkey', 'forwarded-address'] }
)

/** Returns the refusal of a request over a limit. `ttl` is in milliseconds. */
export function tooMany(ttl: number): Problem {
  return new Problem('rate_limited', { retryAfter: Math.max(1, Math.ceil(ttl / 1000)) })
}
