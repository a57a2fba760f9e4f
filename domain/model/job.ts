/** Jobs that one instance does for all instances. */
export interface JobRepository {
  /** Atomic: returns true to one caller if the job is due, and sets when it is due again. */
  claim(name: 'audit-retention', now: number, dueAgainAt: number): Promise<boolean>
}
