import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { SignedInView } from '../../schemas/session.ts'
import { Registration } from '../../schemas/user.ts'
import { signedInView } from '../views/session.ts'

/** POST /auth/register: creates an account and signs it in. */
const register: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/register',
    {
      config: { public: true },
      onRequest: fastify.loginLimit.count,
      schema: {
        operationId: 'register',
        summary: 'Creates an account and signs in',
        tags: ['auth'],
        body: Registration,
        response: { 201: SignedInView },
        problems: ['registration_closed', 'email_taken', 'weak_password']
      }
    },
    async (request, reply) => {
      const previous = await request.session()
      const signedIn = await fastify.accounts.register(request.body, previous, request.caller())
      reply.startSession(signedIn)
      fastify.deviceCookie.remember(request, reply, signedIn.user)
      reply.code(201)
      return signedInView(signedIn)
    }
  )
}

export default register
