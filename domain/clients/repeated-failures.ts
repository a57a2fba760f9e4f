import { BoundedMap } from '../../verifier/bounded-map.ts'
import { type Clock, MINUTE } from '../clock.ts'

const SOURCES_KEPT = 10_000

/** Failures by source. One a minute is recorded, with the number of unrecorded ones before it. */
export class RepeatedFailures {
  readonly #clock: Clock
  readonly #sources = new BoundedMap<string, { writtenAt: number; unwritten: number }>(SOURCES_KEPT)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Returns how many failures of this source went unrecorded since the last; undefined if this one goes unrecorded, too. */
  note(source: string): number | undefined {
    const now = this.#clock()
    const known = this.#sources.get(source)
    if (known && now - known.writtenAt < MINUTE && now >= known.writtenAt) {
      known.unwritten += 1
      return undefined
    }
    // Moves the source to the end: the map drops the source that was silent longest.
    this.#sources.delete(source)
    this.#sources.set(source, { writtenAt: now, unwritten: 0 })
    return known?.unwritten ?? 0
  }
}
