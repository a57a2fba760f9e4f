import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Check } from '../../schemas/check.ts'
import { NoContent } from '../../schemas/common.ts'
import { assertAllowed, authOf } from '../../verifier/authorization.ts'
import { remoteHeaders } from '../views/remote-headers.ts'

/** GET /auth/check: tells a reverse proxy whether to pass a request on, and which user makes it. */
const check: FastifyPluginAsyncTypebox = async (fastify) => {
  const forwardUnverified = fastify.config.AUTH_FORWARD_UNVERIFIED_EMAIL === 'on'

  fastify.get(
    '/check',
    {
      // A proxy asks this for every request of its site, and the check is a look-up in memory.
      config: { rateLimit: false },
      preHandler: fastify.tokenGuard('shared'),
      schema: {
        operationId: 'checkAccess',
        summary: 'Checks a request for a reverse proxy',
        tags: ['auth'],
        querystring: Check,
        response: { 204: NoContent },
        problems: ['forbidden']
      }
    },
    async (request, reply) => {
      const { role, scope } = request.query
      const auth = authOf(request)
      assertAllowed(auth, { roles: role?.split(' '), scope }, fastify.clock())
      reply.headers(remoteHeaders(auth, await fastify.accounts.profileOf(auth), forwardUnverified))
      reply.code(204)
      return null
    }
  )
}

export default check
