const TRACKED_KEYS = 20_000

/** The requests in the current window, and the milliseconds until it ends. */
export interface RequestCount {
  current: number
  ttl: number
}

/** Request counts in the memory of this process. Beyond 20,000 keys, the least recently seen one is forgotten. */
export class RequestCounts {
  readonly #windows = new Map<string, { current: number; endsAt: number }>()

  /** Counts one request. `window` and `now` are in milliseconds; `now` is of a monotonic clock. */
  count(key: string, window: number, now = performance.now()): RequestCount {
    const known = this.#windows.get(key)
    const running = known && known.endsAt > now ? known : { current: 0, endsAt: now + window }
    running.current += 1
    this.#keepAsNewest(key, running)
    return { current: running.current, ttl: running.endsAt - now }
  }

  // A Map keeps the order of insertion: the first key is the least recently seen.
  #keepAsNewest(key: string, running: { current: number; endsAt: number }): void {
    this.#windows.delete(key)
    if (this.#windows.size >= TRACKED_KEYS) this.#windows.delete(this.#windows.keys().next().value as string)
    this.#windows.set(key, running)
  }
}
