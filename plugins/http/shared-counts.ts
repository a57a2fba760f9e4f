import type { FastifyBaseLogger } from 'fastify'
import type { Redis } from 'ioredis'
import { reasonOf } from '../valkey.ts'
import type { CountedRequest } from './request-counts.ts'

/** Milliseconds until one request tries Valkey again after it failed. */
const PAUSE = 1000

// A count without an expiry would refuse a caller forever: if it is missing, the next request sets it again.
const COUNT = `
local max = tonumber(ARGV[2])
local current = tonumber(redis.call('GET', KEYS[1]) or '0')
if current < max then current = redis.call('INCR', KEYS[1]) else current = max + 1 end
local ttl = redis.call('PTTL', KEYS[1])
if ttl < 0 then
  ttl = tonumber(ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ttl)
end
return {current, ttl}`

// A later window has more time left than this one.
const GIVE_BACK = `
local ttl = redis.call('PTTL', KEYS[1])
if ttl > 0 and ttl <= tonumber(ARGV[1]) then redis.call('DECR', KEYS[1]) end`

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

  /** Counts one request, as `RequestCounts` does. `window` is in milliseconds. Resolves to undefined while Valkey fails. */
  async count(key: string, window: number, max: number): Promise<CountedRequest | undefined> {
    const counted = (await this.#run(COUNT, key, window, max)) as [number, number] | undefined
    if (!counted) return undefined
    const [current, ttl] = counted
    const countedAt = performance.now()
    return {
      current,
      ttl,
      giveBack: async () => {
        await this.#run(GIVE_BACK, key, Math.ceil(countedAt + ttl - performance.now()))
      }
    }
  }

  async #run(script: string, key: string, ...args: number[]): Promise<unknown> {
    const now = performance.now()
    if (this.#lost && now < this.#nextTryAt) return undefined
    this.#nextTryAt = now + PAUSE
    try {
      const result = await this.#valkey.eval(script, 1, key, ...args)
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
    this.#log.warn({ reason: reasonOf(error) }, 'Valkey does not count: limits are local and stricter')
  }

  #found(): void {
    if (!this.#lost) return
    this.#lost = false
    this.#log.info('Valkey counts again: limits are exact')
  }
}
