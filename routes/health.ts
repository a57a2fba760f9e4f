import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Problem } from '../domain/errors.ts'
import { problemBody } from '../plugins/http/errors.ts'
import { serveAnyway } from '../plugins/http/load-shedding.ts'
import { Alive, NotReady, Ready } from '../schemas/health.ts'
import { problemReplies } from '../schemas/problem.ts'

/** GET /livez: answers while the process runs. GET /readyz: answers 200 if it can serve, else 503 with the reasons. */
const health: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get(
    '/livez',
    {
      config: { public: true, rateLimit: false, pressureHandler: serveAnyway },
      schema: { tags: ['health'], response: { 200: Alive, ...problemReplies } }
    },
    async () => ({ alive: true as const })
  )

  fastify.get(
    '/readyz',
    {
      config: { public: true, rateLimit: false, pressureHandler: serveAnyway },
      schema: { tags: ['health'], response: { 200: Ready, 503: NotReady, ...problemReplies } }
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
