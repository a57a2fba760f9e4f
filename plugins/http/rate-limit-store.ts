import type { FastifyRateLimitStore } from '@fastify/rate-limit'
import type { FastifyBaseLogger } from 'fastify'
import type { Redis } from 'ioredis'
import { countIn, tryToCount } from '../valkey/count.ts'
import { explain } from '../valkey/refusal.ts'
import { type RequestCount, RequestCounts } from './request-counts.ts'

/** Milliseconds until one request tries Valkey again after it failed. */
const PAUSE = 1000
/** This many instances stay within a limit together while each counts on its own. */
const INSTANCES = 4

type Counted = Parameters<FastifyRateLimitStore['incr']>[1]
/** The library passes the options of the limit, too; its types leave them out. */
type ChildOptions = Parameters<FastifyRateLimitStore['child']>[0] & { groupId?: string }

/**
 * The store of @fastify/rate-limit. Counts in Valkey, for all instances together. Without Valkey, or while Valkey fails, counts
 * in this process. While Valkey fails, a quarter of the limit applies.
 */
export class RateLimitStore implements FastifyRateLimitStore {
  readonly #group: string
  readonly #shared: SharedCounts | undefined
  readonly #local = new RequestCounts()

  /** Each `group` has separate counts. */
  constructor(group: string, shared: SharedCounts | undefined) {
    this.#group = group
    this.#shared = shared
  }

  incr(key: string, callback: Counted, window: number, max: number): void {
    this.#count(key, window, max).then((count) => callback(null, count), callback)
  }

  /** Returns the store of a separate limit. Throws an Error without a `groupId`, which names the counts in Valkey. */
  child({ groupId }: ChildOptions): RateLimitStore {
    if (!groupId) throw new Error('a limit of its own needs a groupId')
    return new RateLimitStore(groupId, this.#shared)
  }

  async #count(key: string, window: number, max: number): Promise<RequestCount> {
    if (!this.#shared) return this.#local.count(key, window)
    const shared = await this.#shared.count(`limit:${this.#group}:${key}`, window)
    return shared ?? stricter(this.#local.count(key, window), max)
  }
}

/** Request counts in Valkey. After a failure, pauses for a second, so that requests do not wait in vain. */
export class SharedCounts {
  readonly #valkey: Redis
  readonly #log: FastifyBaseLogger
  #lost = false
  #nextTryAt = Number.NEGATIVE_INFINITY

  constructor(valkey: Redis, log: FastifyBaseLogger) {
    this.#valkey = valkey
    this.#log = log
  }

  /** Counts one request. `window` is in milliseconds. Resolves to undefined while Valkey fails. */
  count(key: string, window: number): Promise<RequestCount | undefined> {
    return this.#attempt(() => countIn(this.#valkey, key, window))
  }

  /** Finds out whether Valkey counts, so that the start names what it refuses. Does nothing without a connection. */
  async try(): Promise<void> {
    if (this.#valkey.status === 'ready') await this.#attempt(() => tryToCount(this.#valkey))
  }

  async #attempt<R>(work: () => Promise<R>): Promise<R | undefined> {
    const now = performance.now()
    if (this.#lost && now < this.#nextTryAt) return undefined
    this.#nextTryAt = now + PAUSE
    try {
      const result = await work()
      this.#found()
      return result
    } catch (error) {
      this.#lose(error as Error)
      return undefined
    }
  }

  #lose(error: Error): void {
    this.#nextTryAt = performance.now() + PAUSE
    if (this.#lost) return
    this.#lost = true
    this.#log.warn(explain(error), 'Valkey does not count: limits are local and stricter')
  }

  #found(): void {
    if (!this.#lost) return
    this.#lost = false
    this.#log.info('Valkey counts again: limits are exact')
  }
}

// Assumes that the other instances have used up their shares.
function stricter({ current, ttl }: RequestCount, max: number): RequestCount {
  const share = Math.max(1, Math.floor(max / INSTANCES))
  return { current: current + max - share, ttl }
}
