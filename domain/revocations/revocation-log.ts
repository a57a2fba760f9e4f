import { BoundedMap } from '../../verifier/bounded-map.ts'
import {
  type Revocable,
  type Revocation,
  RevocationSet,
  type TokenStatus
} from '../../verifier/revocation-set.ts'
import { uuidv7 } from '../id.ts'
import type { RevocationReading } from '../model/revocation.ts'

/** Pages are shared until the log changes. Most followers are at very few places; others get separate pages. */
const PAGES_KEPT = 8

interface LoggedRevocation {
  revocation: Revocation
  /** The latest position in the database, the same for every instance. */
  position: number
  /** The order in which this instance learned of it. */
  sequence: number
  /** A later entry of the same subject says more. */
  isReplaced: boolean
}

/** The place of a follower in the feed. `position` is valid on every instance, `sequence` on the one that issued it. */
export interface FeedPlace {
  instance: string
  sequence: number
  position: number
}

/** The entries after a place, and the follower's next place. Followers at the same place share one object. */
export interface FeedPage {
  readonly entries: readonly Revocation[]
  readonly place: FeedPlace
}

/**
 * The live revocations that this instance knows, one for each subject, in the order in which it learned of them. Its size is
 * bounded by the number of subjects, not by the number of changes.
 */
export class RevocationLog {
  readonly #instance = uuidv7()
  readonly #set = new RevocationSet()
  /** In order of sequence: a replaced entry is removed and added at the end. */
  readonly #bySubject = new Map<string, LoggedRevocation>()
  /** The same, plus entries replaced since the last tidying, for binary search by sequence. */
  #ordered: LoggedRevocation[] = []
  readonly #pages = new BoundedMap<string, FeedPage>(PAGES_KEPT)
  #sequence = 0
  #next = 0

  /** Applies a revocation at once. It is logged, with its position, after it was read from the database. */
  add(revocation: Revocation): void {
    this.#set.add(revocation)
  }

  /** Adds the entries read from `next` on. Returns whether any of them was new. */
  take({ entries, next }: RevocationReading): boolean {
    const before = this.#sequence
    for (const { position, revocation } of entries) this.#log(revocation, position)
    this.#next = next
    this.#pages.clear()
    if (this.#ordered.length > 2 * this.#bySubject.size) this.#tidy()
    return this.#sequence > before
  }

  /** The position from which to read next. */
  get next(): number {
    return this.#next
  }

  statusOf(claims: Revocable): TokenStatus {
    return this.#set.statusOf(claims)
  }

  isClientCurrent(id: string, version: number): boolean {
    return this.#set.isClientCurrent(id, version)
  }

  isKeyRevoked(kid: string): boolean {
    return this.#set.isKeyRevoked(kid)
  }

  /** Returns the entries that a follower does not know yet: all of them if it has no place. */
  after(place?: FeedPlace): FeedPage {
    const key = this.#pageKeyOf(place)
    const shared = this.#pages.get(key)
    if (shared) return shared
    const logged = place?.instance === this.#instance ? this.#knownAfter(place.sequence) : this.#ordered
    const leastPosition = place && place.instance !== this.#instance ? place.position : 0
    const entries = logged
      .filter(({ isReplaced, position }) => !isReplaced && position >= leastPosition)
      .map(({ revocation }) => revocation)
    const page = { entries, place: this.place }
    this.#pages.set(key, page)
    return page
  }

  /** The place of a follower that knows every entry of this instance. */
  get place(): FeedPlace {
    return { instance: this.#instance, sequence: this.#sequence, position: this.#next }
  }

  /** The number of live revocations. */
  get size(): number {
    return this.#set.size
  }

  /** Removes entries that can concern no unexpired token. */
  prune(now: number): void {
    this.#set.prune(now)
    const before = this.#bySubject.size
    for (const [subject, { revocation }] of this.#bySubject) {
      if (revocation.expiresAt <= now) this.#bySubject.delete(subject)
    }
    if (this.#bySubject.size < before) this.#tidy()
  }

  #log(revocation: Revocation, position: number): void {
    this.#set.add(revocation)
    const subject = `${revocation.kind}:${revocation.id}`
    const known = this.#bySubject.get(subject)
    // Keeps the latest position, even of a weaker entry: a follower from another instance may get it twice, but never misses it.
    const latest = Math.max(position, known?.position ?? 0)
    if (known && !saysMore(revocation, known.revocation)) {
      known.position = latest
      return
    }
    if (known) {
      known.isReplaced = true
      this.#bySubject.delete(subject)
    }
    this.#sequence += 1
    const logged = { revocation, position: latest, sequence: this.#sequence, isReplaced: false }
    this.#bySubject.set(subject, logged)
    this.#ordered.push(logged)
  }

  #tidy(): void {
    this.#ordered = [...this.#bySubject.values()]
    this.#pages.clear()
  }

  /** Returns the later entries by binary search: most followers know nearly the whole log. */
  #knownAfter(sequence: number): LoggedRevocation[] {
    let [low, high] = [0, this.#ordered.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#ordered[middle] as LoggedRevocation).sequence > sequence) high = middle
      else low = middle + 1
    }
    return this.#ordered.slice(low)
  }

  #pageKeyOf(place: FeedPlace | undefined): string {
    if (!place) return 'all'
    return place.instance === this.#instance ? `sequence ${place.sequence}` : `position ${place.position}`
  }
}

/** Returns whether an entry has a higher version, or the same version and a later expiry. */
function saysMore(entry: Revocation, known: Revocation): boolean {
  const version = 'minVersion' in entry ? entry.minVersion : 0
  const knownVersion = 'minVersion' in known ? known.minVersion : 0
  return version > knownVersion || (version === knownVersion && entry.expiresAt > known.expiresAt)
}

/** Returns a place as the opaque text that followers keep. */
export function formatCursor({ instance, sequence, position }: FeedPlace): string {
  return `${instance}.${sequence}.${position}`
}

/** Returns the place of a cursor; undefined if the text is not one. */
export function parseCursor(text: string): FeedPlace | undefined {
  const match = /^([0-9a-f-]{36})\.(\d{1,15})\.(\d{1,15})$/.exec(text)
  if (!match) return undefined
  return { instance: match[1] as string, sequence: Number(match[2]), position: Number(match[3]) }
}
