import type { Warning } from '../../domain/roles/assignment.ts'

/** The member `warnings` of a reply, left out if there is nothing to warn of. */
export function warningsView(warnings: Warning[]): { warnings?: Warning[] } {
  return warnings.length > 0 ? { warnings } : {}
}
