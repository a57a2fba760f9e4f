import type { FastifyPluginAsync } from 'fastify'
import formEndpoints from './form-endpoints.ts'
import revocations from './revocations.ts'

/** /oauth: the endpoints for machine clients. */
const oauth: FastifyPluginAsync = async (fastify) => {
  await fastify.register(formEndpoints)
  await fastify.register(revocations)
}

export default oauth
