import { Agent, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

/** Milliseconds between two calls: as close as a watch sees, and no load that would be measured instead. */
const GAP = 4
const CALL_TIMEOUT = 10_000
/** Milliseconds: what is waited for comes in a few, and later on a busy machine. */
const PATIENCE = 60_000
/** What stands for a status where the connection broke. */
const BROKEN = 0

/** A guarded route asked with the same cookies again and again, over one kept-alive connection. Times are of performance.now(). */
export class TokenWatch {
  /** When the last call was sent that was let in. */
  acceptedAt = Number.NEGATIVE_INFINITY
  /** When the first 401 came. */
  refusedAt = Number.POSITIVE_INFINITY
  /** Calls sent and let in after the token had been refused. */
  relapses = 0
  /** What the last call came to. */
  last = BROKEN
  /** How many calls came to which status; 0 is a broken connection. */
  readonly statuses = new Map<number, number>()
  readonly #stopping = new AbortController()
  readonly #ended: Promise<void>

  /** `gap`: milliseconds between two calls. */
  constructor(route: string, cookie: string, gap = GAP) {
    this.#ended = this.#watch(new URL(route), cookie, gap)
  }

  get calls(): number {
    return [...this.statuses.values()].reduce((total, count) => total + count, 0)
  }

  /** The statuses seen so far, in order of their number. */
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
      await pause(gap, undefined, { signal }).catch(() => {})
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

/** Resolves once it holds; throws an Error after a minute. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const givesUpAt = performance.now() + PATIENCE
  while (!(await holds())) {
    if (performance.now() > givesUpAt) throw new Error(`not within ${PATIENCE} ms: ${what}`)
    await pause(GAP)
  }
}
