import fp from 'fastify-plugin'
import type { Config } from '../../domain/settings/config.ts'

const YEAR = 365 * 24 * 3600

/**
 * The headers of every reply (ASVS 3.4): nothing is framed, sniffed, embedded elsewhere or cached, and no page tells where
 * its visitor came from.
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

/** Puts the security headers on every reply that a hook sees; `app.ts` puts them on the few that none does. */
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
