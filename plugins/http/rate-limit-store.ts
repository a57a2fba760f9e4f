import type { FastifyRateLimitStore } from '@fastify/rate-limit'
import type { FastifyBaseLogger } from 'fastify'
import type { Redis } from 'ioredis'
import { reasonOf } from '../valkey.ts'
import { type RequestCount, RequestCounts } from './request-counts.ts'

/** Milliseconds until one request tries Valkey again after it failed. */
const PAUSE = 1000
/** So many instances stay within a limit together while each counts for itself. */
const INSTANCES = 4

// A count without an end would refuse somebody for good: whatever took it away, the next request sets it again.
const COUNT = `
local current = redis.call('INCR', KEYS[1])
local ttl = redis.call('PTTL', KEYS[1])
if ttl < 0 then
  ttl = tonumber(ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ttl)
end
return {current, ttl}`

type Counted = Parameters<FastifyRateLimitStore['incr']>[1]
/** What the library's types leave out: the options of the limit are in them, too. */
type ChildOptions = Parameters<FastifyRateLimitStore['child']>[0] & { groupId?: string }

/**
 * What @fastify/rate-limit counts in: Valkey, for all instances together; where it fails, or is not set, this process.
 * Where it fails, a quarter of the limit holds.
 */
export class RateLimitStore implements FastifyRateLimitStore {
  readonly #group: string
  readonly #shared: SharedCounts | undefined
  readonly #local = new RequestCounts()

  /** Counts of different groups have nothing to do with each other. */
  constructor(group: string, shared: SharedCounts | undefined) {
    this.#group = group
    this.#shared = shared
  }

  incr(key: string, callback: Counted, window: number, max: number): void {
    this.#count(key, window, max).then((count) => callback(null, count), callback)
  }

  /** The store of a limit of its own. Throws for one without a `groupId`: instances know its counts by that. */
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

/** Requests counted in Valkey. After a failure it is left alone for a second, so that nobody waits for it in vain. */
export class SharedCounts {
  readonly #valkey: Redis
  readonly #log: FastifyBaseLogger
  #lost = false
  #nextTryAt = Number.NEGATIVE_INFINITY

  constructor(valkey: Redis, log: FastifyBaseLogger) {
    this.#valkey = valkey
    this.#log = log
  }

  /** Counts one more; undefined while Valkey fails. */
  async count(key: string, window: number): Promise<RequestCount | undefined> {
    const now = performance.now()
    if (this.#lost && now < this.#nextTryAt) return undefined
    this.#nextTryAt = now + PAUSE
    try {
      const [current, ttl] = (await this.#valkey.eval(COUNT, 1, key, window)) as [number, number]
      this.#found()
      return { current, ttl }
    } catch (error) {
      this.#lose(error as Error)
      return undefined
    }
  }

  #lose(error: Error): void {
    this.#nextTryAt = performance.now() + PAUSE
    if (this.#lost) return
    this.#lost = true
    this.#log.warn({ reason: reasonOf(error) }, 'Valkey does not count: limits are local and stricter')
  }

  #found(): void {
    if (!this.#lost) return
    this.#lost = false
    this.#log.info('Valkey counts again: limits are exact')
  }
}

// As if the other instances had used their shares up.
function stricter({ current, ttl }: RequestCount, max: number): RequestCount {
  const share = Math.max(1, Math.floor(max / INSTANCES))
  return { current: current + max - share, ttl }
}
