import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { publicKeysOf } from '../../domain/clients/public-keys.ts'
import { audiencesOf } from '../../domain/oauth/grants.ts'
import { type ManagementScope, parseScope } from '../../domain/roles/scopes.ts'
import { Client, CreatedClient, NewClient } from '../../schemas/client.ts'
import { Closed } from '../../schemas/common.ts'
import { PageOf, pageQuery } from '../../schemas/paging.ts'
import { refusals } from '../../schemas/problem.ts'
import { pageOf, pageView } from '../paging.ts'
import { clientView } from '../views/client.ts'
import { administratorOf } from './administrator-of.ts'

/** /admin/clients: every machine client, page by page; a new one. */
const clients: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get(
    '/clients',
    {
      preHandler: fastify.guard<ManagementScope>({ scope: 'clients:read' }),
      schema: {
        tags: ['admin'],
        querystring: Closed(pageQuery),
        response: { 200: PageOf(Client), ...refusals }
      }
    },
    async ({ query }) => {
      const found = await fastify.store.clients.list(pageOf(query))
      return pageView(
        found,
        query,
        ({ id }) => id,
        (client) => clientView(client, audiencesOf(client, fastify.config))
      )
    }
  )

  fastify.post(
    '/clients',
    {
      preHandler: fastify.guard<ManagementScope>({
        scope: 'clients:write',
        fresh: fastify.config.AUTH_FRESH_TTL
      }),
      schema: { tags: ['admin'], body: NewClient, response: { 201: CreatedClient, ...refusals } }
    },
    async (request, reply) => {
      const { name, scope, audiences = [], grants, jwks } = request.body
      const keys = publicKeysOf(jwks?.keys ?? [])
      const input = { name, scope: parseScope(scope), audiences, grants, jwks: keys }
      const { client, made } = await fastify.clients.create(input, administratorOf(request))
      reply.code(201)
      const view = clientView(client, audiencesOf(client, fastify.config))
      return { ...view, ...(made && { clientSecret: made.secret }) }
    }
  )
}

export default clients
