import { Agent, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

/** Milliseconds between two calls: short enough to be exact, long enough to cause no load. */
const GAP = 8
/** The same for a token that was refused: only a relapse is of interest now. */
const GAP_AFTER_REFUSAL = 50
const CALL_TIMEOUT = 10_000
/** Milliseconds until a wait fails. Most take a few, more on a busy machine. */
const PATIENCE = 60_000
/** The status that stands for a broken connection. */
const BROKEN = 0

/** Calls a guarded route with the same cookies again and again, on one kept-alive connection. Times are of performance.now(). */
export class TokenWatch {
  /** The time at which the last accepted call was sent. */
  acceptedAt = Number.NEGATIVE_INFINITY
  /** The time at which the first 401 arrived. */
  refusedAt = Number.POSITIVE_INFINITY
  /** The number of calls sent and accepted after the token had been refused. */
  relapses = 0
  /** The status of the last call. */
  last = BROKEN
  /** The number of calls by status; 0 is a broken connection. */
  readonly statuses = new Map<number, number>()
  readonly #stopping = new AbortController()
  readonly #ended: Promise<void>

  /** `gap` is in milliseconds, between two calls. */
  constructor(route: string, cookie: string, gap = GAP) {
    this.#ended = this.#watch(new URL(route), cookie, gap)
  }

  get calls(): number {
    return [...this.statuses.values()].reduce((total, count) => total + count, 0)
  }

  /** Returns the statuses seen so far, in ascending order. */
  get seen(): number[] {
    return [...this.statuses.keys()].sort((a, b) => a - b)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#ended
  }

  async #watch(route: URL, cookie: string, gap: number): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const sentAt = performance.now()
      this.#note(await statusOf(route, cookie, agent), sentAt)
      const wait = this.last === 401 ? Math.max(gap, GAP_AFTER_REFUSAL) : gap
      await pause(wait, undefined, { signal }).catch(() => {})
    }
    agent.destroy()
  }

  #note(status: number, sentAt: number): void {
    this.last = status
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1)
    if (status === 200) {
      this.acceptedAt = sentAt
      if (sentAt > this.refusedAt) this.relapses += 1
    }
    if (status === 401) this.refusedAt = Math.min(this.refusedAt, performance.now())
  }
}

function statusOf(
  { hostname: host, port, pathname: path }: URL,
  cookie: string,
  agent: Agent
): Promise<number> {
  const headers = { cookie }
  return new Promise((resolve) => {
    const sent = request({ host, port, path, headers, agent, timeout: CALL_TIMEOUT }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? BROKEN))
      response.on('error', () => resolve(BROKEN))
    })
    sent.on('timeout', () => sent.destroy())
    sent.on('error', () => resolve(BROKEN))
    sent.end()
  })
}

/** Resolves when `holds` returns true. Throws an Error after a minute. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const givesUpAt = performance.now() + PATIENCE
  while (!(await holds())) {
    if (performance.now() > givesUpAt) throw new Error(`not within ${PATIENCE} ms: ${what}`)
    await pause(GAP)
  }
}
