import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { ManagementScope } from '../../domain/roles/scopes.ts'
import { CreatedSecretView, NewSecret, SecretParams } from '../../schemas/client.ts'
import { IdParams, NoContent } from '../../schemas/common.ts'
import { clientSecretView } from '../views/client.ts'
import { administratorOf } from './administrator-of.ts'
import { momentOf } from './moment-of.ts'

/** /admin/clients/:id/secrets: adds a second secret to the one in use, and withdraws one. */
const clientSecrets: FastifyPluginAsyncTypebox = async (fastify) => {
  const mayWrite = fastify.guard<ManagementScope>({
    scope: 'clients:write',
    fresh: fastify.config.AUTH_FRESH_TTL
  })

  fastify.post(
    '/clients/:id/secrets',
    {
      // The body is optional.
      preValidation: async (request) => {
        request.body ??= {}
      },
      preHandler: mayWrite,
      schema: {
        operationId: 'createClientSecret',
        summary: 'Creates a second secret',
        tags: ['admin'],
        params: IdParams,
        body: NewSecret,
        response: { 201: CreatedSecretView },
        problems: ['not_found', 'too_many_secrets']
      }
    },
    async (request, reply) => {
      const { secret, record } = await fastify.clients.addSecret(
        request.params.id,
        momentOf(request.body.expiresAt, '/expiresAt') ?? null,
        administratorOf(request)
      )
      reply.code(201)
      return { ...clientSecretView(record), clientSecret: secret }
    }
  )

  fastify.delete(
    '/clients/:id/secrets/:secretId',
    {
      preHandler: mayWrite,
      schema: {
        operationId: 'deleteClientSecret',
        summary: 'Deletes a secret',
        tags: ['admin'],
        params: SecretParams,
        response: { 204: NoContent },
        problems: ['not_found']
      }
    },
    async (request, reply) => {
      const { id, secretId } = request.params
      await fastify.clients.deleteSecret(id, secretId, administratorOf(request))
      reply.code(204)
      return null
    }
  )
}

export default clientSecrets
