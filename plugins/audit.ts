import fp from 'fastify-plugin'

/** Logs one line for each audit event, after its transaction is committed. */
export default fp(
  async (fastify) => {
    fastify.store.onCommit(({ audited }) => {
      for (const { requestId, ...event } of audited) {
        fastify.log.info({ requestId, audit: event }, event.type)
      }
    })
  },
  { name: 'audit', dependencies: ['store'] }
)
