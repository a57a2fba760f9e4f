import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Problem } from '../../domain/errors.ts'
import type { ManagementScope } from '../../domain/roles/scopes.ts'
import { Closed, IdParams, NoContent } from '../../schemas/common.ts'
import { PageOf, pageQuery } from '../../schemas/paging.ts'
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
        operationId: 'listUserSessions',
        summary: 'Lists the sessions of an account',
        tags: ['admin'],
        params: IdParams,
        querystring: Closed(pageQuery),
        response: { 200: PageOf(DeviceView) },
        problems: ['not_found']
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
      schema: {
        operationId: 'endUserSessions',
        summary: 'Ends all sessions of an account',
        tags: ['admin'],
        params: IdParams,
        response: { 204: NoContent },
        problems: ['not_found']
      }
    },
    async (request, reply) => {
      await fastify.accounts.administration.endSessions(request.params.id, administratorOf(request))
      reply.code(204)
      return null
    }
  )
}

export default userSessions
