import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { publicKeysOf } from '../../domain/clients/public-keys.ts'
import { Problem } from '../../domain/errors.ts'
import { audiencesOf } from '../../domain/oauth/grants.ts'
import { type ManagementScope, parseScope } from '../../domain/roles/scopes.ts'
import { Client, ClientChange } from '../../schemas/client.ts'
import { IdParams, NoContent } from '../../schemas/common.ts'
import { refusals } from '../../schemas/problem.ts'
import { clientView } from '../views/client.ts'
import { administratorOf } from './administrator-of.ts'

/** /admin/clients/:id: one machine client: read it, change what it may do, delete it. */
const client: FastifyPluginAsyncTypebox = async (fastify) => {
  const mayWrite = fastify.guard<ManagementScope>({
    scope: 'clients:write',
    fresh: fastify.config.AUTH_FRESH_TTL
  })

  fastify.get(
    '/clients/:id',
    {
      preHandler: fastify.guard<ManagementScope>({ scope: 'clients:read' }),
      schema: { tags: ['admin'], params: IdParams, response: { 200: Client, ...refusals } }
    },
    async ({ params }) => {
      const found = await fastify.store.clients.find(params.id)
      if (!found) throw new Problem('not_found')
      return clientView(found, audiencesOf(found, fastify.config))
    }
  )

  fastify.patch(
    '/clients/:id',
    {
      preHandler: mayWrite,
      schema: {
        tags: ['admin'],
        params: IdParams,
        body: ClientChange,
        response: { 200: Client, ...refusals }
      }
    },
    async (request) => {
      const { scope, jwks, ...others } = request.body
      const change = {
        ...others,
        scope: scope === undefined ? undefined : parseScope(scope),
        jwks: jwks && publicKeysOf(jwks.keys)
      }
      const changed = await fastify.clients.change(request.params.id, change, administratorOf(request))
      return clientView(changed, audiencesOf(changed, fastify.config))
    }
  )

  fastify.delete(
    '/clients/:id',
    {
      preHandler: mayWrite,
      schema: { tags: ['admin'], params: IdParams, response: { 204: NoContent, ...refusals } }
    },
    async (request, reply) => {
      await fastify.clients.delete(request.params.id, administratorOf(request))
      reply.code(204)
      return null
    }
  )
}

export default client
