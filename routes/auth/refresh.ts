import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { SignedInView } from '../../schemas/session.ts'
import { signedInView } from '../views/session.ts'

/**
 * POST /auth/refresh: exchanges the refresh cookie of the session that the browser is bound to. The browser gets its successor
 * and a new access token. A refusal clears no cookie: meanwhile, another tab may have set a good one.
 */
const refresh: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/refresh',
    {
      config: { public: true },
      schema: {
        operationId: 'refresh',
        summary: 'Replaces the refresh cookie and issues a new access token',
        tags: ['auth'],
        security: [{ refresh: [], session: [] }],
        response: { 200: SignedInView },
        problems: ['invalid_session']
      }
    },
    async (request, reply) => {
      const { refresh: texts } = fastify.sessionCookies.read(request)
      const sessionId = fastify.sessionCookies.bindingOf(request)?.sessionId
      const signedIn = await fastify.sessions.refresh({ texts, sessionId }, request.caller())
      reply.startSession(signedIn)
      return signedInView(signedIn)
    }
  )
}

export default refresh
