import helmet from '@fastify/helmet'
import fp from 'fastify-plugin'
import type { Config } from '../domain/config.ts'

const YEAR = 365 * 24 * 3600

const POLICY = {
  defaultSrc: ["'none'"],
  frameAncestors: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'none'"]
}

/** The headers of every reply (ASVS 3.4): nothing is framed, sniffed, cached or told where a visitor came from. */
export default fp(
  async (fastify) => {
    await fastify.register(helmet, {
      contentSecurityPolicy: {
        useDefaults: false,
        directives: POLICY
      },
      crossOriginResourcePolicy: { policy: 'same-origin' },
      referrerPolicy: { policy: 'no-referrer' },
      hsts: fastify.config.secure && { maxAge: YEAR, includeSubDomains: true },
      xFrameOptions: { action: 'deny' }
    })
    fastify.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store')
    })
  },
  { name: 'security-headers', dependencies: ['config'] }
)

/** The same for replies that no hook sees: to an address that cannot be decoded, to what is not even HTTP. */
export function headersWithoutHooks({ secure }: Config): Record<string, string> {
  return {
    'content-security-policy': "default-src 'none';frame-ancestors 'none';base-uri 'none';form-action 'none'",
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-store',
    ...(secure && { 'strict-transport-security': `max-age=${YEAR}; includeSubDomains` })
  }
}
