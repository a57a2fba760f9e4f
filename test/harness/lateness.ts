import { monitorEventLoopDelay } from 'node:perf_hooks'

/** What takes part in a promise and may be as late as we are: the poll, the database, the answer, and our own look. */
const HOPS = 4
const NANOSECONDS = 1_000_000

/**
 * Measures how late this process's own timers are from now on. A promise of milliseconds is held against it: on an idle
 * machine it adds next to nothing, on a starved one what the machine took from everybody.
 */
export class Lateness {
  readonly #delay = monitorEventLoopDelay({ resolution: 5 })

  constructor() {
    this.#delay.enable()
  }

  /** Milliseconds by which a promise may be late here. */
  get allowance(): number {
    return HOPS * (this.#delay.max / NANOSECONDS)
  }

  /** Ends the measurement and returns the allowance. */
  stop(): number {
    this.#delay.disable()
    return this.allowance
  }
}
