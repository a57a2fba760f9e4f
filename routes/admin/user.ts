import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Problem } from '../../domain/errors.ts'
import type { ManagementScope } from '../../domain/roles/scopes.ts'
import { ChangedUser, UserChange } from '../../schemas/admin.ts'
import { IdParams, NoContent } from '../../schemas/common.ts'
import { refusals } from '../../schemas/problem.ts'
import { User } from '../../schemas/user.ts'
import { userView } from '../views/user.ts'
import { warningsView } from '../views/warnings.ts'
import { administratorOf } from './administrator-of.ts'

/** /admin/users/:id: one account: read it, change its name, standing and roles, delete it. */
const user: FastifyPluginAsyncTypebox = async (fastify) => {
  const mayWrite = fastify.guard<ManagementScope>({
    scope: 'users:write',
    fresh: fastify.config.AUTH_FRESH_TTL
  })

  fastify.get(
    '/users/:id',
    {
      preHandler: fastify.guard<ManagementScope>({ scope: 'users:read' }),
      schema: { tags: ['admin'], params: IdParams, response: { 200: User, ...refusals } }
    },
    async ({ params }) => {
      const found = await fastify.store.users.find(params.id)
      if (!found) throw new Problem('not_found')
      return userView(found)
    }
  )

  fastify.patch(
    '/users/:id',
    {
      preHandler: mayWrite,
      schema: {
        tags: ['admin'],
        params: IdParams,
        body: UserChange,
        response: { 200: ChangedUser, ...refusals }
      }
    },
    async (request) => {
      const { params, body } = request
      const { user, warnings } = await fastify.administration.users.changeUser(
        params.id,
        body,
        administratorOf(request)
      )
      return { ...userView(user), ...warningsView(warnings) }
    }
  )

  fastify.delete(
    '/users/:id',
    {
      preHandler: mayWrite,
      schema: { tags: ['admin'], params: IdParams, response: { 204: NoContent, ...refusals } }
    },
    async (request, reply) => {
      await fastify.administration.users.deleteUser(request.params.id, administratorOf(request))
      reply.code(204)
      return null
    }
  )
}

export default user
