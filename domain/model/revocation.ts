import type { Revocation } from '../../verifier/revocation-set.ts'

/** The revocations read, and the position from which to read next. */
export interface RevocationReading {
  entries: Array<{ position: number; revocation: Revocation }>
  next: number
}

export interface RevocationRepository {
  add(revocations: Revocation[]): Promise<void>
  /** Returns the live revocations from a position on. It may repeat earlier ones. */
  since(position: number, now: number): Promise<RevocationReading>
}
