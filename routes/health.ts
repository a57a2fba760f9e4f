import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Problem } from '../domain/errors.ts'
import { problemBody } from '../plugins/http/errors.ts'
import { serveAnyway } from '../plugins/http/load-shedding.ts'
import { Alive, NotReady, Ready } from '../schemas/health.ts'

/** GET /livez: answers while the process runs. GET /readyz: answers 200 if it can serve, else 503 with the reasons. */
const health: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get(
    '/livez',
    {
      config: { public: true, rateLimit: false, pressureHandler: serveAnyway },
      schema: {
        operationId: 'getLiveness',
        summary: 'Says that the process answers',
        tags: ['health'],
        response: { 200: Alive },
        problems: []
      }
    },
    async () => ({ alive: true as const })
  )

  fastify.get(
    '/readyz',
    {
      config: { public: true, rateLimit: false, pressureHandler: serveAnyway },
      schema: {
        operationId: 'getReadiness',
        summary: 'Says whether the instance can serve',
        tags: ['health'],
        response: { 200: Ready, 503: NotReady },
        problems: ['not_ready']
      }
    },
    async (request, reply) => {
      const reasons = await fastify.readiness.reasons()
      if (reasons.length === 0) return { ready: true as const }
      reply.code(503).type('application/problem+json; charset=utf-8').header('retry-after', 1)
      return { ...problemBody(new Problem('not_ready'), request.id), reasons }
    }
  )
}

export default health
