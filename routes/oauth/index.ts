import type { FastifyPluginAsync } from 'fastify'
import { registerAll } from '../register-all.ts'
import formEndpoints from './form-endpoints.ts'
import revocations from './revocations.ts'

/** /oauth: the endpoints for machine clients. */
const oauth: FastifyPluginAsync = async (fastify) => {
  await registerAll(fastify, [formEndpoints, revocations])
}

export default oauth
