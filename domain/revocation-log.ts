import { type Revocable, type Revocation, RevocationSet, type Standing } from '../verifier/revocation-set.ts'
import { uuidv7 } from './id.ts'
import type { RevocationReading } from './store.ts'

interface LoggedRevocation {
  revocation: Revocation
  /** Of the database, the same for every instance. */
  position: number
  /** In which order it came to be known here. */
  sequence: number
}

/** Where a follower of the feed has got to. `position` holds on every instance, `sequence` on the one that gave it out. */
export interface FeedPlace {
  instance: string
  sequence: number
  position: number
}

/** The live revocations that this instance knows, in the order in which it came to know them. */
export class RevocationLog {
  readonly #instance = uuidv7()
  readonly #set = new RevocationSet()
  readonly #logged = new Map<string, LoggedRevocation>()
  #sequence = 0
  #next = 0

  /** Counts from now on. It is logged, with its position, once it was read. */
  add(revocation: Revocation): void {
    this.#set.add(revocation)
  }

  /** Takes in what was read from `next` on. True where any of it was news. */
  take({ entries, next }: RevocationReading): boolean {
    const before = this.#sequence
    for (const { position, revocation } of entries) {
      this.#set.add(revocation)
      const key = `${position}:${revocation.kind}:${revocation.id}`
      if (this.#logged.has(key)) continue
      this.#sequence += 1
      this.#logged.set(key, { revocation, position, sequence: this.#sequence })
    }
    this.#next = next
    return this.#sequence > before
  }

  /** The position from which on to read. */
  get next(): number {
    return this.#next
  }

  standingOf(claims: Revocable): Standing {
    return this.#set.standingOf(claims)
  }

  isKeyRevoked(kid: string): boolean {
    return this.#set.isKeyRevoked(kid)
  }

  /** What a follower does not know yet, all of it for one who comes without a place. */
  after(place?: FeedPlace): Revocation[] {
    const isNew = ({ sequence, position }: LoggedRevocation) =>
      place === undefined ||
      (place.instance === this.#instance ? sequence > place.sequence : position >= place.position)
    return [...this.#logged.values()].filter(isNew).map(({ revocation }) => revocation)
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
    for (const [key, { revocation }] of this.#logged) {
      if (revocation.expiresAt <= now) this.#logged.delete(key)
    }
  }
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
