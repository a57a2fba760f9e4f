const TRACKED_KEYS = 20_000

/** How many requests came in the window that runs, and the milliseconds until it ends. */
export interface RequestCount {
  current: number
  ttl: number
}

/** Requests counted in the memory of this process. Of more than 20,000 keys the one unseen for longest is forgotten. */
export class RequestCounts {
  readonly #windows = new Map<string, { current: number; endsAt: number }>()

  /** Counts one more. `window` and `now` are milliseconds, the latter on a clock that nobody sets. */
  count(key: string, window: number, now = performance.now()): RequestCount {
    const known = this.#windows.get(key)
    const running = known && known.endsAt > now ? known : { current: 0, endsAt: now + window }
    running.current += 1
    this.#keepAsNewest(key, running)
    return { current: running.current, ttl: running.endsAt - now }
  }

  // A Map keeps the order of insertion: the first is the one unseen for longest.
  #keepAsNewest(key: string, running: { current: number; endsAt: number }): void {
    this.#windows.delete(key)
    if (this.#windows.size >= TRACKED_KEYS) this.#windows.delete(this.#windows.keys().next().value as string)
    this.#windows.set(key, running)
  }
}
