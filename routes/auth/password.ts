import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { NoContent } from '../../schemas/common.ts'
import { PasswordChange } from '../../schemas/password.ts'
import { authOf } from '../../verifier/authorization.ts'

/** PUT /auth/password: changes the password, given the old one. Ends every other session. */
const password: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.put(
    '/password',
    {
      ...fastify.loginLimit.failures,
      preHandler: fastify.guard({ kind: 'user', direct: true }),
      schema: {
        operationId: 'changePassword',
        summary: 'Changes the password',
        tags: ['account'],
        body: PasswordChange,
        response: { 204: NoContent },
        problems: ['invalid_credentials', 'invalid_session', 'weak_password']
      }
    },
    async (request, reply) => {
      const session = await fastify.sessions.current(authOf(request).sessionId)
      const signedIn = await fastify.accounts.changePassword(session, request.body, request.caller())
      reply.startSession(signedIn)
      fastify.deviceCookie.remember(request, reply, signedIn.user)
      reply.code(204)
      return null
    }
  )
}

export default password
