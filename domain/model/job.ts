/** Jobs that remove rows: of the audit trail, and of all other tables. */
export const removalJobs = ['audit-retention', 'purge'] as const

export type RemovalJob = (typeof removalJobs)[number]

/** Jobs that one instance does for all instances. */
export interface JobRepository {
  /** Atomic: returns true to one caller if the job is due, and sets when it is due again. */
  claim(name: RemovalJob, now: number, dueAgainAt: number): Promise<boolean>
}
