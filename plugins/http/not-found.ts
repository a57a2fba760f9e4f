import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import findMyWay, { type HTTPMethod } from 'find-my-way'
import { Problem } from '../../domain/errors.ts'
import { sendProblem } from './errors.ts'

/** Answers 405 with Allow if the path exists with another method, else 404. Both count against the rate limit. */
export default fp(
  async (fastify) => {
    // Fastify's router is private: this one knows the same patterns, and returns their methods.
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

    const limit = fastify.config.AUTH_RATE_LIMIT_PER_IP > 0 ? fastify.rateLimit() : undefined

    // Before the body is parsed: its type and syntax do not matter if no route takes it.
    fastify.addHook('onRequest', (request, reply, done) => {
      if (!request.is404) return done()
      Promise.resolve(limit?.call(fastify, request, reply)).then(() => refuse(request, reply), done)
    })
    // For plugins that call `reply.callNotFound()`.
    fastify.setNotFoundHandler(refuse)

    function refuse(request: FastifyRequest, reply: FastifyReply): FastifyReply {
      const methods = paths.find('GET', request.url.split('?', 1)[0] as string)?.store as
        | Set<string>
        | undefined
      if (!methods) return sendProblem(new Problem('not_found'), request, reply)
      reply.header('allow', [...methods].sort().join(', '))
      return sendProblem(new Problem('method_not_allowed'), request, reply)
    }
  },
  // After CORS: otherwise an app of another origin would see a network error instead of the refusal.
  { name: 'not-found', dependencies: ['config', 'errors', 'rate-limits', 'cross-site'] }
)
