/** A request of the main thread to the writer thread, which works strictly in the order of arrival. */
export type WriteRequest =
  /**
   * Runs a statement, in a logical transaction or `alone`. After the `deadline` (milliseconds since the epoch) it begins none,
   * because another process has held the file for too long.
   */
  | {
      kind: 'run'
      id: number
      sql: string
      parameters: readonly unknown[]
      alone: boolean
      deadline: number
    }
  /** Commits a logical transaction. The writer answers once it is on disk. */
  | { kind: 'commit'; id: number }
  | { kind: 'rollback'; id: number }
  /** Writes all commits so far to disk, in one fsync. */
  | { kind: 'flush' }
  | { kind: 'close'; id: number }

export interface WriteResult {
  rows: unknown[]
  changes: number
}

export type WriteOutcome =
  | { id: number; result: WriteResult }
  | { id: number; error: { code: string | undefined; message: string } }

/** The outcomes of all requests of one flush, or of a single request. */
export interface WriteReply {
  flushed: boolean
  outcomes: WriteOutcome[]
}
