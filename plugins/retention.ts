import fp from 'fastify-plugin'
import { type Clock, MINUTE } from '../domain/clock.ts'
import type { RemovalJob } from '../domain/model/job.ts'
import { repeat } from '../domain/repeat.ts'
import { createRemoval, type RemovalParts, startAuditRemoval, startPurge } from '../domain/retention.ts'

/** Milliseconds between two checks whether a removal is due. */
const INTERVAL = 10 * MINUTE

declare module 'fastify' {
  interface FastifyInstance {
    /** Each removes rows if its job is due, and resolves to their number: of the audit trail, and of all other tables. */
    retention: Record<RemovalJob, () => Promise<number>>
  }
}

/** Decorates `retention`, and checks every ten minutes whether a removal is due. */
export default fp(
  async (fastify) => {
    const { store, clock, steadyClock, config, instruments, log } = fastify
    const closing = new AbortController()
    const age = config.AUTH_AUDIT_RETENTION

    function removal(job: RemovalJob, clock: Clock, start: RemovalParts['start']) {
      const onRemoved = (count: number) => instruments?.rowsRemoved.inc({ job }, count)
      return createRemoval({ job, store, clock, start, onRemoved, signal: closing.signal })
    }
    const retention = {
      'audit-retention': Number.isFinite(age)
        ? removal('audit-retention', clock, (now) => startAuditRemoval(store, now - age))
        : async () => 0,
      purge: removal('purge', steadyClock, (now) => startPurge(store, now))
    }

    const stops = Object.entries(retention).map(([job, run]) => {
      const work = async () => {
        const removed = await run()
        if (removed > 0) log.info({ job, removed }, 'rows past their retention removed')
      }
      return repeat(work, INTERVAL, (error) => log.warn({ job, err: error }, 'could not remove rows'))
    })

    fastify.decorate('retention', retention)
    fastify.addHook('onClose', async () => {
      for (const stop of stops) stop()
      closing.abort()
    })
  },
  { name: 'retention', dependencies: ['config', 'store', 'instruments'] }
)
