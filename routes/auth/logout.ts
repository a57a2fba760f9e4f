import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { NoContent } from '../../schemas/common.ts'
import { refusals } from '../../schemas/problem.ts'
import { provenSession } from './session-of.ts'

/** POST /auth/logout: ends the session of this browser, and succeeds where there is none. */
const logout: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/logout',
    { config: { public: true }, schema: { tags: ['auth'], response: { 204: NoContent, ...refusals } } },
    async (request, reply) => {
      const session = await provenSession(fastify, request)
      if (session)
        await fastify.sessions.end(session, 'logout', { ...request.caller(), actorId: session.userId })
      fastify.sessionCookies.clear(reply)
      reply.code(204)
      return null
    }
  )
}

export default logout
