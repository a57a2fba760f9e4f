import type { FastifyPluginAsync } from 'fastify'
import admin from './admin/index.ts'
import auth from './auth/index.ts'
import { holdConventions } from './conventions.ts'
import health from './health.ts'
import pages from './pages/index.ts'

/** Every endpoint, in reading order. */
const routes: FastifyPluginAsync = async (fastify) => {
  holdConventions(fastify)
  await fastify.register(auth, { prefix: '/auth' })
  await fastify.register(pages, { prefix: '/auth' })
  await fastify.register(admin, { prefix: '/admin' })
  await fastify.register(health)
}

export default routes
