import { setTimeout as pause } from 'node:timers/promises'
import { type Clock, HOUR } from './clock.ts'
import type { RemovalJob } from './model/job.ts'
import type { Store } from './model/store.ts'

/** Rows in one transaction, and milliseconds until the next: other writers wait for one batch at most. */
const BATCH = 500
const PAUSE = 100
const INTERVAL = HOUR

/** Removes one batch, and returns the number of its rows. */
type RemoveBatch = () => Promise<number>

export interface RemovalParts {
  job: RemovalJob
  store: Store
  clock: Clock
  /** Begins a run at this time. */
  start: (now: number) => RemoveBatch
  /** Called after each batch. */
  onRemoved: (count: number) => void
  /** Stops a run between two batches. */
  signal: AbortSignal
}

/**
 * Returns a function that removes rows batch by batch, until there are no more. Once an hour, the first instance to claim the
 * job does it. The function resolves to the number of rows that it removed: 0 if the job is not due.
 */
export function createRemoval({ job, store, clock, start, onRemoved, signal }: RemovalParts) {
  return async function run(): Promise<number> {
    const now = clock()
    if (!(await store.jobs.claim(job, now, now + INTERVAL))) return 0
    const removeBatch = start(now)
    let total = 0
    while (!signal.aborted) {
      const removed = await removeBatch()
      if (removed === 0) break
      total += removed
      onRemoved(removed)
      await pause(PAUSE, undefined, { signal }).catch(() => {})
    }
    return total
  }
}

/** Begins to remove the rows of all tables that no rule needs any more. */
export function startPurge(store: Store, now: number): RemoveBatch {
  return () => store.purge(now, BATCH)
}

/** Begins to remove audit rows from before this time, oldest first. */
export function startAuditRemoval(store: Store, before: number): RemoveBatch {
  let after = ''
  return async () => {
    const { removed, last } = await store.audit.removeOldest({ before, limit: BATCH, after })
    after = last ?? after
    return removed
  }
}
