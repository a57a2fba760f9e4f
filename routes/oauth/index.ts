import type { FastifyPluginAsync } from 'fastify'
import revocations from './revocations.ts'

/** /oauth: what machines ask. */
const oauth: FastifyPluginAsync = async (fastify) => {
  await fastify.register(revocations)
}

export default oauth
