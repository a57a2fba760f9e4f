import type { RevocationSource } from '../../verifier/sources.ts'
import type { Clock, Monotonic } from '../clock.ts'
import type { Store } from '../model/store.ts'
import { oneAtATime } from '../one-at-a-time.ts'
import { FeedWaiters } from './feed-waiters.ts'
import { type FeedPage, type FeedPlace, RevocationLog } from './revocation-log.ts'

/** Milliseconds for which revocations may go unread before no token is accepted any more. */
const MAX_STALENESS = 10_000
/** The same if it is known that there are new ones. */
const MAX_STALENESS_IF_ANNOUNCED = 1000
/** Milliseconds: how old the last reading may be for "nothing new" to be said to followers. */
const MAX_AGE_OF_NOTHING_NEW = 2000

/** Who follows the feed, how long they wait for a new entry in milliseconds, and what says that they are gone. */
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
   * Returns what a follower does not know yet, and its next place; waits if there is nothing new. Rejects with a Problem
   * `rate_limited` or `busy` if too many wait.
   */
  after(place: FeedPlace | undefined, follower: Follower): Promise<FeedPage>
  /** Whether tokens that a client gets at this version count. */
  isClientCurrent(id: string, version: number): boolean
  /** Whether "nothing new" can be said: the last reading is at most 2 s old. */
  isFresh(): boolean
  /** Milliseconds since the last reading, and how many entries are live. */
  state(): { age: number; live: number }
  /** Answers all who wait. */
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

  // An instance revoked something, and the database does not say what.
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
    // Followers who wait must learn that this instance cannot say anything.
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
    standingOf: (claims) => log.standingOf(claims),
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
      // Another instance was ahead of this one, or the database is another.
      if (place && place.position > log.next) await poll()
      const known = place && place.position <= log.next ? place : undefined
      const page = log.after(known)
      if (page.entries.length > 0 || wait === 0 || !known) return page
      await waiters.wait(client, wait, signal)
      return log.after(known)
    }
  }
}
