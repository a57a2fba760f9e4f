import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problemReplies } from '../../schemas/problem.ts'
import { SignedInView } from '../../schemas/session.ts'
import { SetUp } from '../../schemas/user.ts'
import { signedInView } from '../views/session.ts'
import { boundSession } from './session-of.ts'
import { setSignInCookies } from './sign-in-cookies.ts'

/** POST /auth/setup: the first administrator, by the link that the start prints; only while there is none. */
const setup: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/setup',
    {
      config: { public: true },
      onRequest: fastify.loginLimit,
      schema: { tags: ['auth'], body: SetUp, response: { 201: SignedInView, ...problemReplies } }
    },
    async (request, reply) => {
      const previous = await boundSession(fastify, request)
      const signedIn = await fastify.oneTimeLinks.redeemSetUp(request.body, request.caller(), previous)
      setSignInCookies(fastify, reply, signedIn)
      fastify.deviceCookie.remember(request, reply, signedIn.user)
      reply.code(201)
      return signedInView(signedIn)
    }
  )
}

export default setup
