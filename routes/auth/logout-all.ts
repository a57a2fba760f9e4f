import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { NoContent } from '../../schemas/common.ts'
import { refusals } from '../../schemas/problem.ts'
import { provenSession } from './session-of.ts'

/** POST /auth/logout-all: ends every session of whoever this session belongs to. A session that has ended ends nothing. */
const logoutAll: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/logout-all',
    { config: { public: true }, schema: { tags: ['auth'], response: { 204: NoContent, ...refusals } } },
    async (request, reply) => {
      const session = await provenSession(fastify, request)
      if (session?.endedAt === null) {
        const caller = { ...request.caller(), actorId: session.userId }
        await fastify.sessions.endAll(session.userId, 'logout_all', caller)
      }
      fastify.sessionCookies.clear(reply)
      reply.code(204)
      return null
    }
  )
}

export default logoutAll
