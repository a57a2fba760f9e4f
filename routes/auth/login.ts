import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problemReplies } from '../../schemas/problem.ts'
import { Login, SignedInView } from '../../schemas/session.ts'
import { signedInView } from '../views/session.ts'
import { boundSession } from './session-of.ts'
import { setSignInCookies } from './sign-in-cookies.ts'

/** POST /auth/login: trades e-mail and password for a session. */
const login: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/login',
    {
      config: { public: true },
      onRequest: fastify.loginLimit,
      schema: { tags: ['auth'], body: Login, response: { 200: SignedInView, ...problemReplies } }
    },
    async (request, reply) => {
      const previous = await boundSession(fastify, request)
      const shown = fastify.deviceCookie.read(request)
      const signedIn = await fastify.accounts.login(request.body, request.caller(), previous, shown)
      setSignInCookies(fastify, reply, signedIn)
      fastify.deviceCookie.remember(request, reply, signedIn.user)
      return signedInView(signedIn)
    }
  )
}

export default login
