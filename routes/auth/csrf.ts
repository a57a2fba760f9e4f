import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Problem } from '../../domain/errors.ts'
import { CsrfToken } from '../../schemas/auth.ts'
import { refusals } from '../../schemas/problem.ts'

/** GET /auth/csrf: the token that a client without Origin and Fetch Metadata headers shows with unsafe requests. */
const csrf: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get(
    '/csrf',
    { config: { public: true }, schema: { tags: ['auth'], response: { 200: CsrfToken, ...refusals } } },
    async (request) => {
      const session = await request.session()
      if (session?.endedAt !== null) throw new Problem('unauthorized')
      return { csrfToken: fastify.csrfTokenFor(session.id) }
    }
  )
}

export default csrf
