import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Reauthentication, SignedInView } from '../../schemas/session.ts'
import { authOf } from '../../verifier/authorization.ts'
import { signedInView } from '../views/session.ts'

/** POST /auth/reauthenticate: checks the password again, for routes that require a recent sign-in. */
const reauthenticate: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/reauthenticate',
    {
      ...fastify.loginLimit.failures,
      preHandler: fastify.guard({ kind: 'user', direct: true }),
      schema: {
        operationId: 'reauthenticate',
        summary: 'Checks the password again',
        tags: ['auth'],
        body: Reauthentication,
        response: { 200: SignedInView },
        problems: ['invalid_credentials', 'invalid_session']
      }
    },
    async (request, reply) => {
      const session = await fastify.sessions.current(authOf(request).sessionId)
      const signedIn = await fastify.signIn.reauthenticate(session, request.body.password, request.caller())
      reply.startSession(signedIn)
      return signedInView(signedIn)
    }
  )
}

export default reauthenticate
