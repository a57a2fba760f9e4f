import { setTimeout as pause } from 'node:timers/promises'
import { type Clock, HOUR } from './clock.ts'
import type { Store } from './model/store.ts'

/** Rows of one transaction, and milliseconds until the next: who writes meanwhile waits for one batch at most. */
const BATCH = 500
const PAUSE = 100
const INTERVAL = HOUR

export interface RetentionParts {
  store: Store
  clock: Clock
  /** Milliseconds that an audit row is kept; infinite: for good. */
  retention: number
  /** Ends a run between two batches. */
  signal: AbortSignal
}

/**
 * Removes audit rows that are older than the retention, oldest first. One instance does it, once an hour: whichever asks
 * first. Returns what runs it, if it is due; that resolves to the number of rows removed.
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
