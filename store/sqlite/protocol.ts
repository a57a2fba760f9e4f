/** What the main thread asks of the writer thread. Requests are done strictly in the order they are sent. */
export type WriteRequest =
  /**
   * A statement of a logical transaction, or one that stands for itself (`alone`). At the `deadline` (milliseconds since
   * the epoch) nothing is begun any more: another process has held the file for too long.
   */
  | {
      kind: 'run'
      id: number
      sql: string
      parameters: readonly unknown[]
      alone: boolean
      deadline: number
    }
  /** Ends a logical transaction well: answered when it is on disk. */
  | { kind: 'commit'; id: number }
  | { kind: 'rollback'; id: number }
  /** Writes everything committed so far to disk, in one fsync. */
  | { kind: 'flush' }
  | { kind: 'close'; id: number }

export interface WriteResult {
  rows: unknown[]
  changes: number
}

export type WriteOutcome =
  | { id: number; result: WriteResult }
  | { id: number; error: { code: string | undefined; message: string } }

/** What became of the requests of one flush, or of one request by itself. */
export interface WriteReply {
  flushed: boolean
  outcomes: WriteOutcome[]
}
