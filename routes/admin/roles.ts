import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type ManagementScope, parseScope } from '../../domain/roles/scopes.ts'
import { Closed } from '../../schemas/common.ts'
import { PageOf, pageQuery } from '../../schemas/paging.ts'
import { refusals } from '../../schemas/problem.ts'
import { NewRole, Role } from '../../schemas/role.ts'
import { pageOf, pageView } from '../paging.ts'
import { roleView } from '../views/role.ts'
import { administratorOf } from './administrator-of.ts'

/** /admin/roles: every role, page by page; a new one. */
const roles: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get(
    '/roles',
    {
      preHandler: fastify.guard<ManagementScope>({ scope: 'roles:read' }),
      schema: {
        tags: ['admin'],
        querystring: Closed(pageQuery),
        response: { 200: PageOf(Role), ...refusals }
      }
    },
    async ({ query }) =>
      pageView(await fastify.store.roles.list(pageOf(query)), query, ({ name }) => name, roleView)
  )

  fastify.post(
    '/roles',
    {
      preHandler: fastify.guard<ManagementScope>({
        scope: 'roles:write',
        fresh: fastify.config.AUTH_FRESH_TTL
      }),
      schema: { tags: ['admin'], body: NewRole, response: { 201: Role, ...refusals } }
    },
    async (request, reply) => {
      const { name, description = '', scope } = request.body
      const role = { name, description, scope: parseScope(scope) }
      const created = await fastify.administration.roles.create(role, administratorOf(request))
      reply.code(201)
      return roleView(created)
    }
  )
}

export default roles
