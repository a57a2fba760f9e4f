import { setTimeout as pause } from 'node:timers/promises'
import { type Clock, HOUR } from './clock.ts'
import type { Store } from './model/store.ts'

/** Rows in one transaction, and milliseconds until the next: other writers wait for one batch at most. */
const BATCH = 500
const PAUSE = 100
const INTERVAL = HOUR

export interface RetentionParts {
  store: Store
  clock: Clock
  /** Milliseconds for which an audit row is kept; infinite keeps it forever. */
  retention: number
  /** Stops a run between two batches. */
  signal: AbortSignal
}

/**
 * Returns a function that removes audit rows older than the retention, oldest first. Once an hour, the first instance to
 * claim the job does it. The function resolves to the number of rows that it removed: 0 if the job is not due.
 */
export function createAuditRetention({ store, clock, retention, signal }: RetentionParts) {
  return async function run(): Promise<number> {
    const now = clock()
    if (!Number.isFinite(retention)) return 0
    if (!(await store.jobs.claim('audit-retention', now, now + INTERVAL))) return 0
    let total = 0
    let last = ''
    while (!signal.aborted) {
      const batch = { before: now - retention, limit: BATCH, after: last }
      const { removed, last: lookedAt } = await store.audit.removeOldest(batch)
      total += removed
      if (removed === 0 || lookedAt === undefined) break
      last = lookedAt
      await pause(PAUSE, undefined, { signal }).catch(() => {})
    }
    return total
  }
}
