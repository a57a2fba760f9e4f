const TRACKED_KEYS = 20_000

/** The requests in the current window, and the milliseconds until it ends. */
export interface RequestCount {
  current: number
  ttl: number
}

/** One request, as it was counted. */
export interface CountedRequest extends RequestCount {
  /** Takes the request out of its window again. Call it once at most. It changes no later window. */
  giveBack(): void | Promise<void>
}

/** Request counts in the memory of this process. Beyond 20,000 keys, the least recently seen one is forgotten. */
export class RequestCounts {
  readonly #windows = new Map<string, { current: number; endsAt: number }>()

  /**
   * Counts one request, if `max` has room for it. Otherwise `current` is above `max`. `window` and `now` are in
   * milliseconds; `now` is of a monotonic clock.
   */
  count(key: string, window: number, max: number, now = performance.now()): CountedRequest {
    const known = this.#windows.get(key)
    const running = known && known.endsAt > now ? known : { current: 0, endsAt: now + window }
    this.#keepAsNewest(key, running)
    const ttl = running.endsAt - now
    if (running.current >= max) return { current: max + 1, ttl, giveBack() {} }
    running.current += 1
    return {
      current: running.current,
      ttl,
      giveBack() {
        running.current -= 1
      }
    }
  }

  // A Map keeps the order of insertion: the first key is the least recently seen.
  #keepAsNewest(key: string, running: { current: number; endsAt: number }): void {
    this.#windows.delete(key)
    if (this.#windows.size >= TRACKED_KEYS) this.#windows.delete(this.#windows.keys().next().value as string)
    this.#windows.set(key, running)
  }
}
