/** What one instance does for all of them. */
export interface JobRepository {
  /** Atomic: true for one caller if the job is due, which makes it due again at a later time. */
  claim(name: 'audit-retention', now: number, dueAgainAt: number): Promise<boolean>
}
