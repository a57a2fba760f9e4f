import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { isSameText } from '../domain/constant-time.ts'
import { Problem } from '../domain/errors.ts'
import { metricsExposure } from '../domain/settings/metrics-exposure.ts'
import { serveAnyway } from '../plugins/http/load-shedding.ts'

/** GET /metrics: serves Prometheus, by the token of `AUTH_METRICS`. Does not exist if that is not a token. */
const metrics: FastifyPluginAsyncTypebox = async (fastify) => {
  const { instruments, config } = fastify
  const exposure = metricsExposure(config.AUTH_METRICS)
  if (exposure.by !== 'token' || !instruments) return

  fastify.get(
    '/metrics',
    {
      // Writes no log line for each scrape.
      logLevel: 'warn',
      config: { public: true, rateLimit: false, pressureHandler: serveAnyway },
      preHandler: async (request) => requireToken(request, exposure.token),
      schema: {
        operationId: 'getMetrics',
        summary: 'Returns the metrics for Prometheus',
        description: 'The bearer token is that of `AUTH_METRICS`.',
        tags: ['health'],
        security: [{ bearer: [] }],
        produces: ['text/plain'],
        response: { 200: Type.String() },
        problems: ['unauthorized']
      }
    },
    async (_request, reply) => {
      reply.type(instruments.registry.contentType)
      return instruments.registry.metrics()
    }
  )
}

function requireToken({ headers }: FastifyRequest, token: string): void {
  const [, shown = ''] = /^Bearer ([A-Za-z0-9_-]+)$/i.exec(headers.authorization ?? '') ?? []
  if (!isSameText(shown, token)) throw new Problem('unauthorized')
}

export default metrics
