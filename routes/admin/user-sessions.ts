import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Problem } from '../../domain/errors.ts'
import type { ManagementScope } from '../../domain/roles/scopes.ts'
import { Closed, IdParams, NoContent } from '../../schemas/common.ts'
import { PageOf, pageQuery } from '../../schemas/paging.ts'
import { problemReplies } from '../../schemas/problem.ts'
import { DeviceView } from '../../schemas/session.ts'
import { authOf } from '../../verifier/authorization.ts'
import { pageOf } from '../paging.ts'
import { devicesView } from '../views/session.ts'
import { administratorOf } from './administrator-of.ts'

/** /admin/users/:id/sessions: lists the devices of a user, and ends all sessions. */
const userSessions: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get(
    '/users/:id/sessions',
    {
      preHandler: fastify.guard<ManagementScope>({ scope: 'users:read' }),
      schema: {
        tags: ['admin'],
        params: IdParams,
        querystring: Closed(pageQuery),
        response: { 200: PageOf(DeviceView), ...problemReplies }
      }
    },
    async (request) => {
      const { params, query } = request
      if (!(await fastify.store.users.find(params.id))) throw new Problem('not_found')
      const live = await fastify.sessions.listLive(params.id, pageOf(query))
      return devicesView(live, query, authOf(request).sessionId)
    }
  )

  fastify.delete(
    '/users/:id/sessions',
    {
      preHandler: fastify.guard<ManagementScope>({
        scope: 'users:write',
        fresh: fastify.config.AUTH_FRESH_TTL
      }),
      schema: { tags: ['admin'], params: IdParams, response: { 204: NoContent, ...problemReplies } }
    },
    async (request, reply) => {
      await fastify.administration.users.endSessions(request.params.id, administratorOf(request))
      reply.code(204)
      return null
    }
  )
}

export default userSessions
