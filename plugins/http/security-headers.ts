import fp from 'fastify-plugin'
import type { Config } from '../../domain/settings/config.ts'

const YEAR = 365 * 24 * 3600

/**
 * Returns the headers of every reply (ASVS 3.4). They forbid framing, sniffing, embedding by other origins, caching and
 * referrers.
 */
export function securityHeaders({ secure }: Config): Record<string, string> {
  return {
    'content-security-policy':
      "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'cache-control': 'no-store',
    ...(secure && { 'strict-transport-security': `max-age=${YEAR}; includeSubDomains` })
  }
}

/** Sets the security headers on every reply that passes a hook. `app.ts` sets them on the few that pass none. */
export default fp(
  async (fastify) => {
    const headers = securityHeaders(fastify.config)
    fastify.addHook('onRequest', (_request, reply, done) => {
      reply.headers(headers)
      done()
    })
  },
  { name: 'security-headers', dependencies: ['config'] }
)
