import helmet from '@fastify/helmet'
import fp from 'fastify-plugin'

const YEAR = 365 * 24 * 3600

/** The headers of every reply (ASVS 3.4): nothing is framed, sniffed, cached or told where a visitor came from. */
export default fp(
  async (fastify) => {
    await fastify.register(helmet, {
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          frameAncestors: ["'none'"],
          baseUri: ["'none'"],
          formAction: ["'none'"]
        }
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
