/** What an operator lets an import do. */
export interface ImportOptions {
  /** Reports what would happen, and writes nothing. */
  dryRun: boolean
  /** Changes accounts that exist. */
  update: boolean
  /** Gives the roles of the file. */
  withRoles: boolean
  /** Takes the word of the file that an address is verified. */
  trustVerified: boolean
}

/** What became of the lines. Memory stays bounded: only the first refusals are kept. */
export interface ImportReport {
  lines: number
  created: number
  updated: number
  /** Accounts that existed and were left as they are. */
  unchanged: number
  refused: number
  /** Lines whose roles, or whose verified address, were ignored because the option for them was not given. */
  rolesIgnored: number
  verifiedIgnored: number
  refusals: Array<{ line: number; reason: string }>
}

const MOST_REFUSALS = 10_000

export function emptyReport(): ImportReport {
  return {
    lines: 0,
    created: 0,
    updated: 0,
    unchanged: 0,
    refused: 0,
    rolesIgnored: 0,
    verifiedIgnored: 0,
    refusals: []
  }
}

/** Counts a refused line, and keeps its reason. */
export function refuse(report: ImportReport, line: number, reason: string): void {
  report.refused += 1
  if (report.refusals.length < MOST_REFUSALS) report.refusals.push({ line, reason })
}
