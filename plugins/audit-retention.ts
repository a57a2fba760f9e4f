import fp from 'fastify-plugin'
import { createAuditRetention } from '../domain/audit-retention.ts'
import { MINUTE } from '../domain/clock.ts'
import { repeat } from '../domain/repeat.ts'

/** Milliseconds between two checks whether a removal is due. */
const INTERVAL = 10 * MINUTE

declare module 'fastify' {
  interface FastifyInstance {
    /** Removes audit rows past their retention if a removal is due. Resolves to their number. */
    removeOldAudit(): Promise<number>
  }
}

/** Decorates `removeOldAudit`, and runs it every ten minutes. */
export default fp(
  async (fastify) => {
    const { store, clock, config, log } = fastify
    const closing = new AbortController()
    const { signal } = closing
    const retention = config.AUTH_AUDIT_RETENTION
    const removeOldAudit = createAuditRetention({ store, clock, retention, signal })

    const work = async () => {
      const removed = await removeOldAudit()
      if (removed > 0) log.info({ removed }, 'audit rows past their retention removed')
    }
    const stop = repeat(work, INTERVAL, (error) => log.warn({ err: error }, 'could not remove audit rows'))

    fastify.decorate('removeOldAudit', removeOldAudit)
    fastify.addHook('onClose', async () => {
      stop()
      closing.abort()
    })
  },
  { name: 'audit-retention', dependencies: ['config', 'store'] }
)
