import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Problem } from '../../domain/errors.ts'
import { type ManagementScope, parseScope } from '../../domain/roles/scopes.ts'
import { NoContent } from '../../schemas/common.ts'
import { refusals } from '../../schemas/problem.ts'
import { Role, RoleChange, RoleParams } from '../../schemas/role.ts'
import { roleView } from '../views/role.ts'
import { administratorOf } from './administrator-of.ts'

/** /admin/roles/:name: one role: read it, change what it allows, delete it. */
const role: FastifyPluginAsyncTypebox = async (fastify) => {
  const mayWrite = fastify.guard<ManagementScope>({
    scope: 'roles:write',
    fresh: fastify.config.AUTH_FRESH_TTL
  })

  fastify.get(
    '/roles/:name',
    {
      preHandler: fastify.guard<ManagementScope>({ scope: 'roles:read' }),
      schema: { tags: ['admin'], params: RoleParams, response: { 200: Role, ...refusals } }
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
      schema: { tags: ['admin'], params: RoleParams, body: RoleChange, response: { 200: Role, ...refusals } }
    },
    async (request) => {
      const { description = '', scope } = request.body
      const changed = { name: request.params.name, description, scope: parseScope(scope) }
      return roleView(await fastify.administration.roles.change(changed, administratorOf(request)))
    }
  )

  fastify.delete(
    '/roles/:name',
    {
      preHandler: mayWrite,
      schema: { tags: ['admin'], params: RoleParams, response: { 204: NoContent, ...refusals } }
    },
    async (request, reply) => {
      await fastify.administration.roles.delete(request.params.name, administratorOf(request))
      reply.code(204)
      return null
    }
  )
}

export default role
