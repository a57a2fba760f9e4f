import type { FastifyPluginAsync } from 'fastify'
import formEndpoints from './form-endpoints.ts'
import revocations from './revocations.ts'

/** /oauth: what machines ask. */
const oauth: FastifyPluginAsync = async (fastify) => {
  await fastify.register(formEndpoints)
  await fastify.register(revocations)
}

export default oauth
