import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { ManagementScope } from '../../domain/roles/scopes.ts'
import { IdParams, NoContent } from '../../schemas/common.ts'
import { administratorOf } from './administrator-of.ts'

/** POST /admin/users/:id/unlock: clears the counts of failed sign-ins of an account. */
const userUnlock: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/users/:id/unlock',
    {
      preHandler: fastify.guard<ManagementScope>({
        scope: 'users:write',
        fresh: fastify.config.AUTH_FRESH_TTL
      }),
      schema: {
        operationId: 'unlockUser',
        summary: 'Clears every count of failed sign-ins',
        tags: ['admin'],
        params: IdParams,
        response: { 204: NoContent },
        problems: ['not_found']
      }
    },
    async (request, reply) => {
      await fastify.accounts.administration.unlock(request.params.id, administratorOf(request))
      reply.code(204)
      return null
    }
  )
}

export default userUnlock
