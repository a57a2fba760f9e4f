import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Problem } from '../../domain/errors.ts'
import { problemReplies } from '../../schemas/problem.ts'
import { CsrfToken } from '../../schemas/session.ts'

/** GET /auth/csrf: returns the token that a client without Origin and Fetch Metadata headers sends with unsafe requests. */
const csrf: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get(
    '/csrf',
    { config: { public: true }, schema: { tags: ['auth'], response: { 200: CsrfToken, ...problemReplies } } },
    async (request) => {
      const session = await request.session()
      if (session?.endedAt !== null) throw new Problem('unauthorized')
      return { csrfToken: fastify.csrfTokenFor(session.id) }
    }
  )
}

export default csrf
