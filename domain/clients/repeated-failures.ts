import { BoundedMap } from '../../verifier/bounded-map.ts'
import { type Clock, MINUTE } from '../clock.ts'

const SOURCES_KEPT = 10_000

/** Failures by where they come from: one a minute is written down, and how many went before it unwritten. */
export class RepeatedFailures {
  readonly #clock: Clock
  readonly #sources = new BoundedMap<string, { writtenAt: number; unwritten: number }>(SOURCES_KEPT)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How many of this source were not written down since one was; undefined if this one is not to be, either. */
  note(source: string): number | undefined {
    const now = this.#clock()
    const known = this.#sources.get(source)
    if (known && now - known.writtenAt < MINUTE && now >= known.writtenAt) {
      known.unwritten += 1
      return undefined
    }
    // Put at the end: what is forgotten first is what was silent longest.
    this.#sources.delete(source)
    this.#sources.set(source, { writtenAt: now, unwritten: 0 })
    return known?.unwritten ?? 0
  }
}
