import { setImmediate as nextTurn } from 'node:timers/promises'
import { Problem } from '../errors.ts'

/** A service that runs in so many copies may follow with one client. */
const MOST_OF_ONE_CLIENT = 250
const MOST = 4000
/** How many are answered in one turn of the event loop. */
const AT_ONCE = 50
const RETRY_AFTER = 5

/** Those who wait for news: so many of one client, so many in all. */
export class FeedWaiters {
  readonly #waiting = new Set<() => void>()
  readonly #byClient = new Map<string, number>()
  /** Whose waiting is over, and who are let go by turns. */
  readonly #due: Array<() => void> = []
  #isLettingGo = false
  #isClosed = false

  /**
   * Resolves when there is news, after so many milliseconds, or when the signal aborts. Rejects with a Problem `rate_limited`
   * if this client has too many waiting, `busy` if all together are too many.
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

  /** Wakes all who wait now. */
  wake(): void {
    for (const wake of this.#waiting) wake()
  }

  /** The same, and nobody waits from now on. */
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

  // Those who were woken together ask again together, and their time is over together: no such moment may hold up the others.
  async #letGo(): Promise<void> {
    this.#isLettingGo = true
    while (this.#due.length > 0) {
      for (const resolve of this.#due.splice(0, AT_ONCE)) resolve()
      await nextTurn()
    }
    this.#isLettingGo = false
  }
}
