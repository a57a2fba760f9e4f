import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problemReplies } from '../../schemas/problem.ts'
import { SignedInView } from '../../schemas/session.ts'
import { Registration } from '../../schemas/user.ts'
import { signedInView } from '../views/session.ts'
import { boundSession } from './session-of.ts'
import { setSignInCookies } from './sign-in-cookies.ts'

/** POST /auth/register: a new account, signed in. */
const register: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/register',
    {
      config: { public: true },
      onRequest: fastify.loginLimit,
      schema: { tags: ['auth'], body: Registration, response: { 201: SignedInView, ...problemReplies } }
    },
    async (request, reply) => {
      const previous = await boundSession(fastify, request)
      const signedIn = await fastify.accounts.register(request.body, request.caller(), previous)
      setSignInCookies(fastify, reply, signedIn)
      fastify.deviceCookie.remember(request, reply, signedIn.user)
      reply.code(201)
      return signedInView(signedIn)
    }
  )
}

export default register
