import fp from 'fastify-plugin'
import type { Store } from '../domain/model/store.ts'
import { openStore } from '../store/index.ts'

declare module 'fastify' {
  interface FastifyInstance {
    store: Store
  }
}

/** Milliseconds between two log lines which say that the start waits for the schema. */
const PATIENCE = 5000

/** Decorates `store`: the database. Migrates its schema, and closes it with the app. */
export default fp(
  async (fastify) => {
    const sayWaiting = () =>
      fastify.log.warn('the schema is being brought up to date, here or by another: waiting')
    const waiting = setInterval(sayWaiting, PATIENCE)
    const { store, migrated } = await openStore(fastify.config.DATABASE_URL, (error) =>
      fastify.log.warn({ err: error }, 'an idle database connection was lost')
    ).finally(() => clearInterval(waiting))
    fastify.log.debug({ migrated }, 'database opened')
    fastify.decorate('store', store)

    fastify.addHook('onClose', () => store.close())
  },
  { name: 'store', dependencies: ['config'] }
)
