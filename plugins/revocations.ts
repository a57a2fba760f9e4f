import fp from 'fastify-plugin'
import { oneAtATime } from '../domain/one-at-a-time.ts'
import { repeat } from '../domain/repeat.ts'
import { FeedWaiters } from '../domain/revocations/feed-waiters.ts'
import { type FeedPage, type FeedPlace, RevocationLog } from '../domain/revocations/revocation-log.ts'
import type { RevocationSource } from '../verifier/sources.ts'

const POLL_INTERVAL = 250
/** How long revocations may go unread before no token is accepted any more. */
const LONGEST_BLINDNESS = 10_000
/** How old a reading may be for "no news" to be said: followers are blind for as long, on top of their own blindness. */
const LONGEST_SILENCE = 2000
/** How long revocations may go unread where it is known that there are any. */
const LONGEST_WAIT_FOR_NEWS = 1000

/** Who follows the feed, how long they wait for news in milliseconds, and what says that they are gone. */
export interface Follower {
  client: string
  wait: number
  signal: AbortSignal
}

export interface Revocations extends RevocationSource {
  /** Reads what was revoked since. */
  poll(): Promise<void>
  /**
   * What a follower does not know yet, and where it is then; waits for news. Rejects with a Problem `rate_limited` or `busy`
   * if too many wait.
   */
  after(place: FeedPlace | undefined, follower: Follower): Promise<FeedPage>
  /** Whether tokens that a client gets at this version count. */
  isClientCurrent(id: string, version: number): boolean
  /** Whether "no news" can be said: the last reading is at most 2 s old. */
  isFresh(): boolean
  /** Milliseconds since the last reading, and how many entries are live. */
  state(): { age: number; live: number }
}

declare module 'fastify' {
  interface FastifyInstance {
    revocations: Revocations
  }
}

/**
 * Decorates `revocations`: the live entries in memory, told at once of this process's commits, polled for others', and told
 * through Valkey when to poll. The message has no content: the database alone says what was revoked.
 */
export default fp<{ uptime: () => number }>(
  async (fastify, { uptime }) => {
    const { store, clock, valkey, config } = fastify
    const log = new RevocationLog()
    const waiters = new FeedWaiters()
    let readAt = Number.NEGATIVE_INFINITY
    let toldAt: number | undefined

    const age = () => uptime() - readAt
    const isFresh = () => age() <= LONGEST_SILENCE

    // Somebody revoked something, and the database does not say what.
    const isNewsMissed = () => toldAt !== undefined && uptime() - toldAt > LONGEST_WAIT_FOR_NEWS

    const poll = oneAtATime(async () => {
      const startedAt = uptime()
      const reading = await store.revocations.since(log.next, clock())
      // A database that counts from below again is another one, restored: what it has is read from the start.
      const isNew = log.take(reading.next < log.next ? await store.revocations.since(0, clock()) : reading)
      log.prune(clock())
      readAt = startedAt
      if (toldAt !== undefined && toldAt <= startedAt) toldAt = undefined
      if (isNew) waiters.wake()
    })

    const noteFailure = (error: unknown) => {
      fastify.log.warn({ err: error }, 'could not read revocations')
      // Those who wait for news are told that there is nobody to tell them any.
      if (!isFresh()) waiters.wake()
    }
    const pollQuietly = () => poll().catch(noteFailure)

    await poll()
    const stop = repeat(poll, POLL_INTERVAL, noteFailure)

    const channel = `gatehouse:${config.AUTH_ISSUER}:revocations`
    store.onCommit(({ revoked }) => {
      if (revoked.length === 0) return
      for (const revocation of revoked) log.add(revocation)
      pollQuietly()
      valkey?.publish(channel, '').catch(() => {})
    })
    // The library's own subscribing anew has nobody to tell where it fails, and would end the process.
    const subscriber = valkey?.duplicate({ autoResubscribe: false })
    subscriber?.on('error', () => {})
    subscriber?.on('message', () => {
      toldAt ??= uptime()
      pollQuietly()
    })
    // After each connection anew: what was told in between is read by polling.
    subscriber?.on('ready', () => subscriber.subscribe(channel).catch(() => {}))

    fastify.addHook('preClose', async () => {
      stop()
      waiters.close()
      subscriber?.disconnect()
    })

    fastify.decorate('revocations', {
      poll,
      standingOf: (claims) => log.standingOf(claims),
      isKeyRevoked: (kid) => log.isKeyRevoked(kid),
      isClientCurrent: (id, version) => log.isClientCurrent(id, version),
      isFresh,
      state: () => ({ age: age(), live: log.size }),
      isCurrent: () => age() <= LONGEST_BLINDNESS && !isNewsMissed(),

      async after(place, { client, wait, signal }) {
        // Another instance was ahead of this one, or the database is another.
        if (place && place.position > log.next) await poll()
        const known = place && place.position <= log.next ? place : undefined
        const page = log.after(known)
        if (page.entries.length > 0 || wait === 0 || !known) return page
        await waiters.wait(client, wait, signal)
        return log.after(known)
      }
    })
  },
  { name: 'revocations', dependencies: ['config', 'store', 'valkey'] }
)
