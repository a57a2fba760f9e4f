import { setImmediate as nextTurn } from 'node:timers/promises'
import { Problem } from '../errors.ts'

/** Most copies of a service that may follow the feed with one client. */
const MOST_OF_ONE_CLIENT = 250
const MOST = 4000
/** Followers that are answered in one turn of the event loop. */
const AT_ONCE = 50
const RETRY_AFTER = 5

/** The followers that wait for a new revocation, limited per client and in total. */
export class FeedWaiters {
  readonly #waiting = new Set<() => void>()
  readonly #byClient = new Map<string, number>()
  /** Followers whose wait is over, answered in batches. */
  readonly #due: Array<() => void> = []
  #isLettingGo = false
  #isClosed = false

  /**
   * Resolves when there is a new revocation, after `milliseconds`, or when the signal aborts. Rejects with a Problem
   * `rate_limited` if too many followers of this client wait, `busy` if too many wait in total.
   */
  async wait(client: string, milliseconds: number, signal: AbortSignal): Promise<void> {
    if (this.#isClosed || signal.aborted) return
    const ofClient = this.#byClient.get(client) ?? 0
    if (ofClient >= MOST_OF_ONE_CLIENT) throw new Problem('rate_limited', { retryAfter: RETRY_AFTER })
    if (this.#waiting.size >= MOST) throw new Problem('busy', { retryAfter: RETRY_AFTER })
    this.#byClient.set(client, ofClient + 1)
    await this.#sleep(milliseconds, signal)
    const left = (this.#byClient.get(client) ?? 1) - 1
    if (left === 0) this.#byClient.delete(client)
    else this.#byClient.set(client, left)
  }

  /** Wakes all followers that wait now. */
  wake(): void {
    for (const wake of this.#waiting) wake()
  }

  /** Wakes all followers. No follower waits from now on. */
  close(): void {
    this.#isClosed = true
    this.wake()
  }

  #sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', wake)
        this.#waiting.delete(wake)
        this.#due.push(resolve)
        if (!this.#isLettingGo) void this.#letGo()
      }
      const timer = setTimeout(wake, milliseconds)
      signal.addEventListener('abort', wake)
      this.#waiting.add(wake)
    })
  }

  // Followers woken together ask again together, and time out together. Batches keep that from blocking other requests.
  async #letGo(): Promise<void> {
    this.#isLettingGo = true
    while (this.#due.length > 0) {
      for (const resolve of this.#due.splice(0, AT_ONCE)) resolve()
      await nextTurn()
    }
    this.#isLettingGo = false
  }
}
