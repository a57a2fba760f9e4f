import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { SignedInView } from '../../schemas/session.ts'
import { SetUp } from '../../schemas/user.ts'
import { signedInView } from '../views/session.ts'

/** POST /auth/setup: makes the first administrator, by the link that the start prints. Only while there is none. */
const setup: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/setup',
    {
      config: { public: true },
      ...fastify.loginLimit.failures,
      schema: {
        operationId: 'setUp',
        summary: 'Creates the first administrator',
        tags: ['auth'],
        body: SetUp,
        response: { 201: SignedInView },
        problems: ['already_set_up', 'invalid_token', 'email_taken', 'weak_password']
      }
    },
    async (request, reply) => {
      const previous = await request.session()
      const signedIn = await fastify.accounts.firstAdministrator.redeem(
        request.body,
        previous,
        request.caller()
      )
      reply.startSession(signedIn)
      fastify.deviceCookie.remember(request, reply, signedIn.user)
      reply.code(201)
      return signedInView(signedIn)
    }
  )
}

export default setup
