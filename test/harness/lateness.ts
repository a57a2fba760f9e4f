import { monitorEventLoopDelay } from 'node:perf_hooks'

/** The steps that may each be as late as this process: the poll, the database, the reply, and the check. */
const HOPS = 4
const NANOSECONDS = 1_000_000

/**
 * Measures how late this process's timers are from now on. A test adds the allowance to a limit in milliseconds. On an idle
 * machine it is almost zero. On an overloaded one, it covers the delay that all processes had.
 */
export class Lateness {
  readonly #delay = monitorEventLoopDelay({ resolution: 5 })

  constructor() {
    this.#delay.enable()
  }

  /** Returns the milliseconds by which a promise may be late on this machine. */
  get allowance(): number {
    return HOPS * (this.#delay.max / NANOSECONDS)
  }

  /** Ends the measurement and returns the allowance. */
  stop(): number {
    this.#delay.disable()
    return this.allowance
  }
}
