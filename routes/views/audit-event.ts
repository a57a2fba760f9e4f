import { toIso } from '../../domain/clock.ts'
import type { AuditEvent } from '../../domain/model/audit.ts'
import type { AuditEventView } from '../../schemas/audit-event.ts'

export function auditEventView({ at, ...event }: AuditEvent): AuditEventView {
  return { ...event, at: toIso(at) }
}
