import type { FastifyPluginAsync } from 'fastify'
import { registerAll } from '../register-all.ts'
import jwks from './jwks.ts'
import metadata from './oauth-authorization-server.ts'

/** /.well-known: public metadata for other services. Pages of any origin may read it. */
const wellKnown: FastifyPluginAsync = async (fastify) => {
  fastify.addHook('onRequest', async (_request, reply) => {
    reply.header('cross-origin-resource-policy', 'cross-origin')
    // For an allowed origin, the CORS plugin has already set the header.
    if (!reply.hasHeader('access-control-allow-origin')) reply.header('access-control-allow-origin', '*')
  })
  await registerAll(fastify, [jwks, metadata])
}

export default wellKnown
