/** Something to deliver to the outside, and what is known of its delivery. Its content is sealed. */
export interface OutboxEntry {
  id: string
  kind: string
  sealed: string
  createdAt: number
  /** When the next attempt begins. */
  dueAt: number
  /** Attempts so far, the present one included. */
  attempts: number
}

export interface OutboxRepository {
  insert(entry: Omit<OutboxEntry, 'attempts'>): Promise<void>
  /** Atomic: takes up to `limit` due entries, the oldest first, for this caller alone until `until`. Counts the attempt. */
  claim(now: number, until: number, limit: number): Promise<OutboxEntry[]>
  postpone(id: string, dueAt: number): Promise<void>
  remove(id: string): Promise<void>
  /** Returns the number of entries that wait. */
  count(): Promise<number>
}
