import type { UserAdministration } from '../accounts/user-administration.ts'
import type { Clock } from '../clock.ts'
import { Problem } from '../errors.ts'
import type { Store } from '../model/store.ts'
import type { PasswordHasher } from '../passwords/hasher.ts'
import type { Administrator } from '../roles/authority.ts'
import type { Config } from '../settings/config.ts'
import { reasonIn } from './record.ts'
import { type ImportOptions, type ImportReport, refuse } from './report.ts'

export interface ImportParts {
  store: Store
  clock: Clock
  config: Config
  hasher: PasswordHasher
  administration: UserAdministration
}

/** One run of an import: who does it, what they allow, and what became of the lines so far. */
export interface Run extends ImportParts {
  options: ImportOptions
  administrator: Administrator
  report: ImportReport
}

/** Does the work, and returns true. If it throws a Problem, refuses the line and returns false. */
export async function accepts(
  report: ImportReport,
  line: number,
  work: () => Promise<unknown>
): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    refuse(report, line, reasonIn(error))
    return false
  }
}
