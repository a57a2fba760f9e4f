import type { FastifyPluginAsync } from 'fastify'
import jwks from './jwks.ts'

/** /.well-known: what other services read of this one. */
const wellKnown: FastifyPluginAsync = async (fastify) => {
  await fastify.register(jwks)
}

export default wellKnown
