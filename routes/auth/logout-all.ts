import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Problem } from '../../domain/errors.ts'
import type { Session } from '../../domain/model/store.ts'
import { NoContent } from '../../schemas/common.ts'
import { problemReplies } from '../../schemas/problem.ts'
import { carriesBearer } from '../../verifier/credentials.ts'
import { boundSession, provenSessions } from './session-of.ts'

/**
 * POST /auth/logout-all: ends every session of the user whose session this browser is bound to, and each other session that a
 * cookie proves. Refused if a session is proved and none is bound: it would not do what it says.
 */
const logoutAll: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/logout-all',
    { config: { public: true }, schema: { tags: ['auth'], response: { 204: NoContent, ...problemReplies } } },
    async (request, reply) => {
      if (carriesBearer(request.headers)) throw new Problem('unauthorized')
      const bound = await boundSession(fastify, request)
      const proven = await provenSessions(fastify, request)
      if (!bound && proven.some(({ endedAt }) => endedAt === null)) throw new Problem('unauthorized')
      const callerOf = ({ userId }: Session) => ({ ...request.caller(), actorId: userId })
      if (bound?.endedAt === null) {
        await fastify.sessions.endAll(bound.userId, 'logout_all', callerOf(bound))
      }
      for (const session of proven) await fastify.sessions.end(session, 'logout', callerOf(session))
      fastify.sessionCookies.clear(reply)
      reply.code(204)
      return null
    }
  )
}

export default logoutAll
