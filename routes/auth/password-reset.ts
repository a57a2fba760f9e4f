import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Problem } from '../../domain/errors.ts'
import type { ResetProof } from '../../domain/passwords/reset.ts'
import { NoContent } from '../../schemas/common.ts'
import { PasswordReset } from '../../schemas/password.ts'

/** POST /auth/password/reset: sets a new password by a one-time link or a mailed code. Ends all sessions and opens none. */
const passwordReset: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/password/reset',
    {
      config: { public: true },
      ...fastify.loginLimit.failures,
      schema: {
        operationId: 'resetPassword',
        summary: 'Sets a new password with a one-time link or a mailed code',
        tags: ['auth'],
        body: PasswordReset,
        response: { 204: NoContent },
        problems: ['invalid_token', 'weak_password']
      }
    },
    async (request, reply) => {
      const proof = proofOf(request.body, fastify.recoveryCookie.read(request))
      const user = await fastify.accounts.passwordReset.redeem(proof, request.body.password, request.caller())
      fastify.deviceCookie.remember(request, reply, user)
      reply.code(204)
      return null
    }
  )
}

function proofOf({ token, code }: { token?: string; code?: string }, browser: string): ResetProof {
  if (token !== undefined && code === undefined) return { token }
  if (code !== undefined && token === undefined) return { code, browser }
  throw new Problem('invalid_request', { detail: 'Send either token or code.' })
}

export default passwordReset
