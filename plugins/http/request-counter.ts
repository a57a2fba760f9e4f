import { type CountedRequest, RequestCounts } from './request-counts.ts'
import type { SharedCounts } from './shared-counts.ts'

/** This many instances stay within a limit together while each counts on its own. */
export const INSTANCES = 4

/**
 * Counts in Valkey, for all instances together. Without Valkey, or while Valkey fails, counts in this process. While Valkey
 * fails, a quarter of the limit applies.
 */
export class RequestCounter {
  readonly #group: string
  readonly #shared: SharedCounts | undefined
  readonly #local = new RequestCounts()

  /** Each `group` has separate counts. */
  constructor(group: string, shared: SharedCounts | undefined) {
    this.#group = group
    this.#shared = shared
  }

  async count(key: string, window: number, max: number): Promise<CountedRequest> {
    if (!this.#shared) return this.#local.count(key, window, max)
    const shared = await this.#shared.count(`limit:${this.#group}:${key}`, window, max)
    return shared ?? this.#countStrictly(key, window, max)
  }

  // Assumes that the other instances have used up their shares.
  #countStrictly(key: string, window: number, max: number): CountedRequest {
    const share = Math.max(1, Math.floor(max / INSTANCES))
    const counted = this.#local.count(key, window, share)
    return { ...counted, current: counted.current + max - share }
  }
}
