import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Problem } from '../../domain/errors.ts'
import { CsrfToken } from '../../schemas/session.ts'

/** GET /auth/csrf: returns the token that a client without Origin and Fetch Metadata headers sends with unsafe requests. */
const csrf: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get(
    '/csrf',
    {
      config: { public: true },
      schema: {
        operationId: 'getCsrfToken',
        summary: 'Returns the CSRF token of the session',
        tags: ['auth'],
        security: [
          { cookie: [], session: [] },
          { refresh: [], session: [] }
        ],
        response: { 200: CsrfToken },
        problems: ['unauthorized']
      }
    },
    async (request) => {
      const session = await request.session()
      if (session?.endedAt !== null) throw new Problem('unauthorized')
      return { csrfToken: fastify.csrfTokenFor(session.id) }
    }
  )
}

export default csrf
