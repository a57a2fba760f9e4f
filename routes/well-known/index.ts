import type { FastifyPluginAsync } from 'fastify'
import jwks from './jwks.ts'
import metadata from './oauth-authorization-server.ts'

/** /.well-known: what other services read of this one, from any page, too: there is nothing secret in it. */
const wellKnown: FastifyPluginAsync = async (fastify) => {
  fastify.addHook('onRequest', async (_request, reply) => {
    reply.header('cross-origin-resource-policy', 'cross-origin')
    // Where a page's origin is allowed, it was answered by name.
    if (!reply.hasHeader('access-control-allow-origin')) reply.header('access-control-allow-origin', '*')
  })
  await fastify.register(jwks)
  await fastify.register(metadata)
}

export default wellKnown
