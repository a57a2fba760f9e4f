import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problemReplies } from '../../schemas/problem.ts'
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
      schema: { tags: ['auth'], response: { 200: SignedInView, ...problemReplies } }
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
