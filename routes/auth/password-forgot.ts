import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Accepted } from '../../schemas/common.ts'
import { ForgottenPassword } from '../../schemas/password.ts'

/**
 * POST /auth/password/forgot: mails a link for a new password. The reply is the same whether the address has an account.
 * Without mail there is no such endpoint.
 */
const passwordForgot: FastifyPluginAsyncTypebox = async (fastify) => {
  if (!fastify.outbox.isOn) return
  fastify.post(
    '/password/forgot',
    {
      config: { public: true },
      onRequest: fastify.loginLimit.count,
      schema: {
        operationId: 'forgotPassword',
        summary: 'Mails a one-time link and a code for a new password',
        tags: ['auth'],
        body: ForgottenPassword,
        response: { 202: Accepted },
        problems: []
      }
    },
    async (request, reply) => {
      const shown = fastify.recoveryCookie.read(request)
      const secret = await fastify.accounts.askForPasswordLink(request.body.email, shown)
      fastify.recoveryCookie.set(reply, secret)
      reply.code(202)
      return {}
    }
  )
}

export default passwordForgot
