import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { NoContent } from '../../schemas/common.ts'
import { PasswordReset } from '../../schemas/password.ts'

/** POST /auth/password/reset: sets a new password by a one-time link. Ends all sessions and opens none. */
const passwordReset: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/password/reset',
    {
      config: { public: true },
      ...fastify.loginLimit.failures,
      schema: {
        operationId: 'resetPassword',
        summary: 'Sets a new password with a one-time link',
        tags: ['auth'],
        body: PasswordReset,
        response: { 204: NoContent },
        problems: ['invalid_token', 'weak_password']
      }
    },
    async (request, reply) => {
      const user = await fastify.accounts.passwordReset.redeem(request.body, request.caller())
      fastify.deviceCookie.remember(request, reply, user)
      reply.code(204)
      return null
    }
  )
}

export default passwordReset
