import type { Revocation } from '../../verifier/revocation-set.ts'

/** What was revoked, and the position from which to read the next time. */
export interface RevocationReading {
  entries: Array<{ position: number; revocation: Revocation }>
  next: number
}

export interface RevocationRepository {
  add(revocations: Revocation[]): Promise<void>
  /** The live ones from a position on, which may repeat ones read before. */
  since(position: number, now: number): Promise<RevocationReading>
}
