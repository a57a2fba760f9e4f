import type { FastifyBaseLogger } from 'fastify'
import type { Redis } from 'ioredis'
import { countIn, giveBackIn, tryToCount } from '../valkey/count.ts'
import { explain } from '../valkey/refusal.ts'
import type { CountedRequest } from './request-counts.ts'

/** Milliseconds until one request tries Valkey again after it failed. */
const PAUSE = 1000

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
    const counted = await this.#attempt(() => countIn(this.#valkey, key, window, max))
    if (!counted) return undefined
    const endsAt = performance.now() + counted.ttl
    return {
      ...counted,
      giveBack: () =>
        this.#attempt(() => giveBackIn(this.#valkey, key, Math.ceil(endsAt - performance.now())))
    }
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
