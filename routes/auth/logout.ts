import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Problem } from '../../domain/errors.ts'
import { NoContent } from '../../schemas/common.ts'
import { carriesBearer } from '../../verifier/credentials.ts'

/** POST /auth/logout: ends every session that a cookie proves. Succeeds without one, and refuses a bearer token. */
const logout: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/logout',
    {
      config: { public: true },
      schema: {
        operationId: 'logout',
        summary: 'Ends the current session',
        tags: ['auth'],
        security: [{ session: [] }, {}],
        response: { 204: NoContent },
        problems: ['unauthorized']
      }
    },
    async (request, reply) => {
      if (carriesBearer(request.headers)) throw new Problem('unauthorized')
      for (const session of await request.provenSessions()) {
        await fastify.sessions.end(session, 'logout', { ...request.caller(), actorId: session.userId })
      }
      reply.endSession()
      reply.code(204)
      return null
    }
  )
}

export default logout
