import { createHash } from 'node:crypto'

const INITIAL_SLOTS = 4096

/**
 * Remembers the line on which each address was first. It takes 24 bytes or so for an address: a table with open addressing keeps 64
 * bits of a digest. Two addresses in ten million share them with a chance of one in a hundred thousand.
 */
export class FirstLines {
  #digests = new BigUint64Array(INITIAL_SLOTS)
  #lines = new Uint32Array(INITIAL_SLOTS)
  #count = 0

  /** Returns the earlier line with this address. Returns undefined, and remembers this line, if there is none. */
  note(email: string, line: number): number | undefined {
    const digest = createHash('sha256').update(email).digest().readBigUInt64LE()
    const slot = this.#slotOf(digest)
    if (this.#lines[slot] !== 0) return this.#lines[slot]
    this.#put(slot, digest, line)
    this.#count += 1
    if (this.#count * 2 > this.#lines.length) this.#grow()
    return undefined
  }

  #slotOf(digest: bigint): number {
    let slot = Number(digest % BigInt(this.#lines.length))
    while (this.#lines[slot] !== 0 && this.#digests[slot] !== digest) slot = (slot + 1) % this.#lines.length
    return slot
  }

  #put(slot: number, digest: bigint, line: number): void {
    this.#digests[slot] = digest
    this.#lines[slot] = line
  }

  #grow(): void {
    const [digests, lines] = [this.#digests, this.#lines]
    this.#digests = new BigUint64Array(lines.length * 2)
    this.#lines = new Uint32Array(lines.length * 2)
    for (const [at, line] of lines.entries()) {
      const digest = digests[at] as bigint
      if (line !== 0) this.#put(this.#slotOf(digest), digest, line)
    }
  }
}
