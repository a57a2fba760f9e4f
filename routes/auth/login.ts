import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Login, SignedInView } from '../../schemas/session.ts'
import { signedInView } from '../views/session.ts'

/** POST /auth/login: opens a session, given e-mail and password. */
const login: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/login',
    {
      config: { public: true },
      ...fastify.loginLimit.failures,
      schema: {
        operationId: 'login',
        summary: 'Signs in',
        tags: ['auth'],
        body: Login,
        response: { 200: SignedInView },
        problems: ['invalid_credentials']
      }
    },
    async (request, reply) => {
      const browser = {
        previous: await request.session(),
        deviceCookies: fastify.deviceCookie.read(request)
      }
      const signedIn = await fastify.signIn.login(request.body, browser, request.caller())
      reply.startSession(signedIn)
      fastify.deviceCookie.remember(request, reply, signedIn.user)
      return signedInView(signedIn)
    }
  )
}

export default login
