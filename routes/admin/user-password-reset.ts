import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { ManagementScope } from '../../domain/roles/scopes.ts'
import { IdParams } from '../../schemas/common.ts'
import { OneTimeLinkView } from '../../schemas/one-time-link.ts'
import { oneTimeLinkView } from '../views/one-time-link.ts'
import { administratorOf } from './administrator-of.ts'

/** POST /admin/users/:id/password-reset: makes a link by which the user chooses a new password. */
const userPasswordReset: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/users/:id/password-reset',
    {
      preHandler: fastify.guard<ManagementScope>({
        scope: 'users:write',
        fresh: fastify.config.AUTH_FRESH_TTL
      }),
      schema: {
        operationId: 'createPasswordLink',
        summary: 'Creates a one-time link for a new password',
        tags: ['admin'],
        params: IdParams,
        response: { 201: OneTimeLinkView },
        problems: ['not_found']
      }
    },
    async (request, reply) => {
      const link = await fastify.accounts.administration.startPasswordReset(
        request.params.id,
        administratorOf(request)
      )
      reply.code(201)
      return oneTimeLinkView(link)
    }
  )
}

export default userPasswordReset
