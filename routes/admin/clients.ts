import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { publicKeysOf } from '../../domain/clients/public-keys.ts'
import { Problem } from '../../domain/errors.ts'
import { audiencesOf } from '../../domain/oauth/grants.ts'
import { type ManagementScope, parseScope } from '../../domain/roles/scopes.ts'
import { ClientChangeBody, ClientView, CreatedClientView, NewClientBody } from '../../schemas/client.ts'
import { Closed, IdParams, NoContent } from '../../schemas/common.ts'
import { PageOf, pageQuery } from '../../schemas/paging.ts'
import { pageOf, pageView } from '../paging.ts'
import { clientView } from '../views/client.ts'
import { administratorOf } from './administrator-of.ts'

/** /admin/clients: lists, makes, shows, changes and deletes machine clients. */
const clients: FastifyPluginAsyncTypebox = async (fastify) => {
  const mayRead = fastify.guard<ManagementScope>({ scope: 'clients:read' })
  const mayWrite = fastify.guard<ManagementScope>({
    scope: 'clients:write',
    fresh: fastify.config.AUTH_FRESH_TTL
  })

  fastify.get(
    '/clients',
    {
      preHandler: mayRead,
      schema: {
        operationId: 'listClients',
        summary: 'Lists the machine clients',
        tags: ['admin'],
        querystring: Closed(pageQuery),
        response: { 200: PageOf(ClientView) },
        problems: []
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
      preHandler: mayWrite,
      schema: {
        operationId: 'createClient',
        summary: 'Creates a client',
        tags: ['admin'],
        body: NewClientBody,
        response: { 201: CreatedClientView },
        problems: []
      }
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

  fastify.get(
    '/clients/:id',
    {
      preHandler: mayRead,
      schema: {
        operationId: 'getClient',
        summary: 'Returns one client',
        tags: ['admin'],
        params: IdParams,
        response: { 200: ClientView },
        problems: ['not_found']
      }
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
        operationId: 'updateClient',
        summary: 'Changes a client',
        tags: ['admin'],
        params: IdParams,
        body: ClientChangeBody,
        response: { 200: ClientView },
        problems: ['not_found']
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
      schema: {
        operationId: 'deleteClient',
        summary: 'Deletes a client',
        tags: ['admin'],
        params: IdParams,
        response: { 204: NoContent },
        problems: ['not_found']
      }
    },
    async (request, reply) => {
      await fastify.clients.delete(request.params.id, administratorOf(request))
      reply.code(204)
      return null
    }
  )
}

export default clients
