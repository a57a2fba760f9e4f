import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Problem } from '../../domain/errors.ts'
import { type ManagementScope, parseScope } from '../../domain/roles/scopes.ts'
import { Closed, NoContent } from '../../schemas/common.ts'
import { PageOf, pageQuery } from '../../schemas/paging.ts'
import { NewRoleBody, RoleChangeBody, RoleParams, RoleView } from '../../schemas/role.ts'
import { pageOf, pageView } from '../paging.ts'
import { roleView } from '../views/role.ts'
import { administratorOf } from './administrator-of.ts'

/** /admin/roles: lists, makes, shows, changes and deletes roles. */
const roles: FastifyPluginAsyncTypebox = async (fastify) => {
  const mayRead = fastify.guard<ManagementScope>({ scope: 'roles:read' })
  const mayWrite = fastify.guard<ManagementScope>({
    scope: 'roles:write',
    fresh: fastify.config.AUTH_FRESH_TTL
  })

  fastify.get(
    '/roles',
    {
      preHandler: mayRead,
      schema: {
        operationId: 'listRoles',
        summary: 'Lists the roles',
        tags: ['admin'],
        querystring: Closed(pageQuery),
        response: { 200: PageOf(RoleView) },
        problems: []
      }
    },
    async ({ query }) =>
      pageView(await fastify.store.roles.list(pageOf(query)), query, ({ name }) => name, roleView)
  )

  fastify.post(
    '/roles',
    {
      preHandler: mayWrite,
      schema: {
        operationId: 'createRole',
        summary: 'Creates a role',
        tags: ['admin'],
        body: NewRoleBody,
        response: { 201: RoleView },
        problems: ['role_exists', 'roles_too_large']
      }
    },
    async (request, reply) => {
      const { name, description = '', scope } = request.body
      const role = { name, description, scope: parseScope(scope) }
      const created = await fastify.roles.create(role, administratorOf(request))
      reply.code(201)
      return roleView(created)
    }
  )

  fastify.get(
    '/roles/:name',
    {
      preHandler: mayRead,
      schema: {
        operationId: 'getRole',
        summary: 'Returns one role',
        tags: ['admin'],
        params: RoleParams,
        response: { 200: RoleView },
        problems: ['not_found']
      }
    },
    async ({ params }) => {
      const found = await fastify.store.roles.find(params.name)
      if (!found) throw new Problem('not_found')
      return roleView(found)
    }
  )

  fastify.put(
    '/roles/:name',
    {
      preHandler: mayWrite,
      schema: {
        operationId: 'updateRole',
        summary: 'Changes the scope of a role',
        tags: ['admin'],
        params: RoleParams,
        body: RoleChangeBody,
        response: { 200: RoleView },
        problems: ['not_found', 'role_built_in', 'roles_too_large']
      }
    },
    async (request) => {
      const { description = '', scope } = request.body
      const changed = { name: request.params.name, description, scope: parseScope(scope) }
      return roleView(await fastify.roles.change(changed, administratorOf(request)))
    }
  )

  fastify.delete(
    '/roles/:name',
    {
      preHandler: mayWrite,
      schema: {
        operationId: 'deleteRole',
        summary: 'Removes a role from all its holders and deletes it',
        tags: ['admin'],
        params: RoleParams,
        response: { 204: NoContent },
        problems: ['not_found', 'role_built_in']
      }
    },
    async (request, reply) => {
      await fastify.roles.delete(request.params.name, administratorOf(request))
      reply.code(204)
      return null
    }
  )
}

export default roles
