import { toIso } from '../../domain/clock.ts'
import type { AuditEvent } from '../../domain/model/audit.ts'
import type { AuditEvent as AuditEventView } from '../../schemas/admin.ts'

export function auditEventView({ at, ...event }: AuditEvent): AuditEventView {
  return { ...event, at: toIso(at) }
}
