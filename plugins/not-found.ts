import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import findMyWay, { type HTTPMethod } from 'find-my-way'
import { Problem } from '../domain/errors.ts'
import { sendProblem } from './errors.ts'

/** Answers 405 with Allow where the path exists under another method, 404 elsewhere; both count against the rate limit. */
export default fp(
  async (fastify) => {
    // Fastify keeps its router to itself: this one knows the same patterns and asks for the methods only.
    const paths = findMyWay()
    const methodsByPattern = new Map<string, Set<string>>()

    fastify.addHook('onRoute', ({ url, method }) => {
      if (url.endsWith('*')) return
      let methods = methodsByPattern.get(url)
      if (!methods) {
        methods = new Set()
        methodsByPattern.set(url, methods)
        paths.on('GET' as HTTPMethod, url, () => {}, methods)
      }
      for (const each of [method].flat()) methods.add(each)
    })

    fastify.setNotFoundHandler(
      fastify.config.AUTH_RATE_LIMIT_PER_IP > 0 ? { preHandler: fastify.rateLimit() } : {},
      async (request: FastifyRequest, reply: FastifyReply) => {
        const methods = paths.find('GET', request.url.split('?', 1)[0] as string)?.store as
          | Set<string>
          | undefined
        if (!methods) return sendProblem(new Problem('not_found'), request, reply)
        reply.header('allow', [...methods].sort().join(', '))
        return sendProblem(new Problem('method_not_allowed'), request, reply)
      }
    )
  },
  { name: 'not-found', dependencies: ['config', 'errors', 'rate-limits'] }
)
