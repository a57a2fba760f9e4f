import { BoundedMap } from '../../verifier/bounded-map.ts'
import {
  type Revocable,
  type Revocation,
  RevocationSet,
  type Standing
} from '../../verifier/revocation-set.ts'
import { uuidv7 } from '../id.ts'
import type { RevocationReading } from '../model/revocation.ts'

/** Pages are shared while nothing changes. Followers are at very few places; strangers to that rule get pages of their own. */
const PAGES_KEPT = 8

interface LoggedRevocation {
  revocation: Revocation
  /** The latest in the database, the same for every instance. */
  position: number
  /** In which order it came to be known here. */
  sequence: number
  /** A later entry of the same subject says more. */
  isReplaced: boolean
}

/** Where a follower of the feed has got to. `position` holds on every instance, `sequence` on the one that gave it out. */
export interface FeedPlace {
  instance: string
  sequence: number
  position: number
}

/** What is behind a place, and where a follower is then. One object for all who ask at the same place. */
export interface FeedPage {
  readonly entries: readonly Revocation[]
  readonly place: FeedPlace
}

/**
 * The live revocations that this instance knows, one for each subject, in the order in which it came to know them. Its size
 * is bounded by what there is to revoke, not by how often somebody changes something.
 */
export class RevocationLog {
  readonly #instance = uuidv7()
  readonly #set = new RevocationSet()
  /** In the order of their sequence: what is replaced is removed and put at the end. */
  readonly #bySubject = new Map<string, LoggedRevocation>()
  /** The same, and what was replaced since the last tidying: for seeking by sequence. */
  #ordered: LoggedRevocation[] = []
  readonly #pages = new BoundedMap<string, FeedPage>(PAGES_KEPT)
  #sequence = 0
  #next = 0

  /** Counts from now on. It is logged, with its position, once it was read. */
  add(revocation: Revocation): void {
    this.#set.add(revocation)
  }

  /** Takes in what was read from `next` on. True if any of it was news. */
  take({ entries, next }: RevocationReading): boolean {
    const before = this.#sequence
    for (const { position, revocation } of entries) this.#log(revocation, position)
    this.#next = next
    this.#pages.clear()
    if (this.#ordered.length > 2 * this.#bySubject.size) this.#tidy()
    return this.#sequence > before
  }

  /** The position from which on to read. */
  get next(): number {
    return this.#next
  }

  standingOf(claims: Revocable): Standing {
    return this.#set.standingOf(claims)
  }

  isClientCurrent(id: string, version: number): boolean {
    return this.#set.isClientCurrent(id, version)
  }

  isKeyRevoked(kid: string): boolean {
    return this.#set.isKeyRevoked(kid)
  }

  /** What a follower does not know yet, all of it for one who comes without a place. */
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

  /** Where a follower is that knows everything which is known here. */
  get place(): FeedPlace {
    return { instance: this.#instance, sequence: this.#sequence, position: this.#next }
  }

  /** How many count. */
  get size(): number {
    return this.#set.size
  }

  /** Forgets what no unexpired token can be concerned by. */
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
    // The latest position, even of an entry that says less: a follower from another instance is told rather twice than never.
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

  /** By halving: the log is not gone through for one who knows nearly all of it. */
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

/** A higher version, or the same for longer. */
function saysMore(entry: Revocation, known: Revocation): boolean {
  const version = 'minVersion' in entry ? entry.minVersion : 0
  const knownVersion = 'minVersion' in known ? known.minVersion : 0
  return version > knownVersion || (version === knownVersion && entry.expiresAt > known.expiresAt)
}

/** A place as the opaque text that followers keep. */
export function formatCursor({ instance, sequence, position }: FeedPlace): string {
  return `${instance}.${sequence}.${position}`
}

/** Undefined for what was never a cursor. */
export function parseCursor(text: string): FeedPlace | undefined {
  const match = /^([0-9a-f-]{36})\.(\d{1,15})\.(\d{1,15})$/.exec(text)
  if (!match) return undefined
  return { instance: match[1] as string, sequence: Number(match[2]), position: Number(match[3]) }
}
