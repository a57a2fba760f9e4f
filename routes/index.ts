import type { FastifyPluginAsync } from 'fastify'
import admin from './admin/index.ts'
import auth from './auth/index.ts'
import { holdConventions } from './conventions.ts'
import health from './health.ts'
import metrics from './metrics.ts'
import oauth from './oauth/index.ts'
import pages from './pages/index.ts'
import root from './root.ts'
import wellKnown from './well-known/index.ts'

/** Registers all endpoints. */
const routes: FastifyPluginAsync = async (fastify) => {
  holdConventions(fastify)
  await fastify.register(root)
  await fastify.register(auth, { prefix: '/auth' })
  await fastify.register(pages, { prefix: '/auth' })
  await fastify.register(admin, { prefix: '/admin' })
  await fastify.register(oauth, { prefix: '/oauth' })
  await fastify.register(wellKnown, { prefix: '/.well-known' })
  await fastify.register(health)
  await fastify.register(metrics)
}

export default routes
