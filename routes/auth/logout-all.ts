import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Problem } from '../../domain/errors.ts'
import type { Session } from '../../domain/model/session.ts'
import { NoContent } from '../../schemas/common.ts'
import { carriesBearer } from '../../verifier/credentials.ts'

/**
 * POST /auth/logout-all: ends all sessions of the user to whose session the browser is bound. Ends every other session that a
 * cookie proves, too. Refuses if a live session is proved but none is bound: it could not end all sessions.
 */
const logoutAll: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/logout-all',
    {
      config: { public: true },
      schema: {
        operationId: 'logoutAll',
        summary: 'Ends all sessions of the user',
        tags: ['auth'],
        security: [{ session: [] }, {}],
        response: { 204: NoContent },
        problems: ['unauthorized']
      }
    },
    async (request, reply) => {
      if (carriesBearer(request.headers)) throw new Problem('unauthorized')
      const bound = await request.session()
      const proven = await request.provenSessions()
      if (!bound && proven.some(({ endedAt }) => endedAt === null)) throw new Problem('unauthorized')
      const callerOf = ({ userId }: Session) => ({ ...request.caller(), actorId: userId })
      if (bound?.endedAt === null) {
        await fastify.sessions.endAll(bound.userId, 'logout_all', callerOf(bound))
      }
      for (const session of proven) await fastify.sessions.end(session, 'logout', callerOf(session))
      reply.endSession()
      reply.code(204)
      return null
    }
  )
}

export default logoutAll
