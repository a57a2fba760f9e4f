import type { RevocationSource } from '../../verifier/sources.ts'
import type { Clock, Monotonic } from '../clock.ts'
import type { Store } from '../model/store.ts'
import { oneAtATime } from '../one-at-a-time.ts'
import { FeedWaiters } from './feed-waiters.ts'
import { type FeedPage, type FeedPlace, RevocationLog } from './revocation-log.ts'

/** Milliseconds for which revocations may go unread before every token is refused. */
const MAX_STALENESS = 10_000
/** The same, in milliseconds, if another instance has announced a revocation. */
const MAX_STALENESS_IF_ANNOUNCED = 1000
/** Oldest reading, in milliseconds, on which this instance may answer "nothing new" to followers. */
const MAX_AGE_OF_NOTHING_NEW = 2000

/** A follower of the feed: its client, its wait in milliseconds, and a signal that aborts if it has gone. */
export interface Follower {
  client: string
  wait: number
  signal: AbortSignal
}

export interface LiveRevocations extends RevocationSource {
  /** Reads what was revoked since the last reading. */
  poll(): Promise<void>
  /** Notes that some instance has revoked something, and reads it. */
  announce(): void
  /** Notes that a reading failed. */
  noteFailure(error: unknown): void
  /**
   * Returns the entries that a follower does not know yet, and its next place. Waits if there is nothing new. Rejects with
   * a Problem `rate_limited` or `busy` if too many wait.
   */
  after(place: FeedPlace | undefined, follower: Follower): Promise<FeedPage>
  /** Returns whether a client's tokens of this version are accepted. */
  isClientCurrent(id: string, version: number): boolean
  /** Returns whether this instance may answer "nothing new": the last reading is at most 2 s old. */
  isFresh(): boolean
  /** Returns the milliseconds since the last reading, and the number of live entries. */
  state(): { age: number; live: number }
  /** Answers all followers that wait. */
  close(): void
}

/**
 * The live entries in memory. They are read from the database alone, and at once after each commit of this process.
 * `onCommit` is called after a commit that revoked something.
 */
export function createLiveRevocations({
  store,
  clock,
  monotonic,
  onFailure,
  onCommit
}: {
  store: Store
  /** What may be forgotten depends on it, so it must not follow a wall clock that jumps forward. */
  clock: Clock
  monotonic: Monotonic
  onFailure: (error: unknown) => void
  onCommit: () => void
}): LiveRevocations {
  const log = new RevocationLog()
  const waiters = new FeedWaiters()
  let readAt = Number.NEGATIVE_INFINITY
  let announcedAt: number | undefined

  const age = () => monotonic() - readAt
  const isFresh = () => age() <= MAX_AGE_OF_NOTHING_NEW

  // An instance announced a revocation, and this one could not read it yet.
  const isAnnouncementUnread = () =>
    announcedAt !== undefined && monotonic() - announcedAt > MAX_STALENESS_IF_ANNOUNCED

  const poll = oneAtATime(async () => {
    const startedAt = monotonic()
    const reading = await store.revocations.since(log.next, clock())
    // If positions went backwards, the database was restored from a backup: read it from the start.
    const isNew = log.take(reading.next < log.next ? await store.revocations.since(0, clock()) : reading)
    log.prune(clock())
    readAt = startedAt
    if (announcedAt !== undefined && announcedAt <= startedAt) announcedAt = undefined
    if (isNew) waiters.wake()
  })

  function noteFailure(error: unknown): void {
    onFailure(error)
    // Followers that wait must learn that this instance cannot answer.
    if (!isFresh()) waiters.wake()
  }
  const pollQuietly = () => poll().catch(noteFailure)

  store.onCommit(({ revoked }) => {
    if (revoked.length === 0) return
    for (const revocation of revoked) log.add(revocation)
    pollQuietly()
    onCommit()
  })

  return {
    poll,
    noteFailure,
    isFresh,
    statusOf: (claims) => log.statusOf(claims),
    isKeyRevoked: (kid) => log.isKeyRevoked(kid),
    isClientCurrent: (id, version) => log.isClientCurrent(id, version),
    isCurrent: () => age() <= MAX_STALENESS && !isAnnouncementUnread(),
    state: () => ({ age: age(), live: log.size }),
    close: () => waiters.close(),

    announce() {
      announcedAt ??= monotonic()
      pollQuietly()
    },

    async after(place, { client, wait, signal }) {
      // Another instance was ahead of this one, or the database was replaced.
      if (place && place.position > log.next) await poll()
      const known = place && place.position <= log.next ? place : undefined
      const page = log.after(known)
      if (page.entries.length > 0 || wait === 0 || !known) return page
      await waiters.wait(client, wait, signal)
      return log.after(known)
    }
  }
}
