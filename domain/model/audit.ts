import { uuidv7 } from '../id.ts'
import type { Page } from './page.ts'

/** All audit events. Each is a row in the transaction of its change, and a log line after the commit. */
export const auditTypes = [
  'account.registered',
  'account.renamed',
  'account.exported',
  'account.deleted',
  'administrator.set_up',
  'login.succeeded',
  'login.failed',
  'login.blocked',
  'reauthentication.succeeded',
  'reauthentication.failed',
  'password.changed',
  'password.change_failed',
  'password.reset_started',
  'password.reset',
  'session.ended',
  'session.replayed',
  'session.all_ended',
  'user.created',
  'user.imported',
  'user.renamed',
  'user.disabled',
  'user.enabled',
  'user.unlocked',
  'user.email_verified',
  'user.password_imported',
  'user.roles_changed',
  'user.promoted',
  'user.deleted',
  'role.created',
  'role.changed',
  'role.deleted',
  'key.published',
  'key.rotated',
  'key.imported',
  'key.revoked',
  'client.created',
  'client.changed',
  'client.deleted',
  'client.secret_created',
  'client.secret_deleted',
  'client.authentication_failed',
  'token.revoked',
  'mail.given_up'
] as const

export type AuditType = (typeof auditTypes)[number]

export type AuditDetail = Record<string, string | number | boolean | string[] | null>

export interface AuditEvent {
  id: string
  at: number
  type: AuditType
  /** Actor: a user's or client's id, `operator` for the command line, or null if unknown. */
  actorId: string | null
  /** The person for whom the actor acted, by an exchanged token (RFC 8693 §4.1); null if it acted for itself. */
  onBehalfOf: string | null
  /** The user who was affected. */
  userId: string | null
  sessionId: string | null
  ip: string | null
  userAgent: string | null
  requestId: string | null
  detail: AuditDetail
}

export interface AuditFilter {
  type?: AuditType | undefined
  userId?: string | undefined
  actorId?: string | undefined
  onBehalfOf?: string | undefined
  /** From this time on, milliseconds. */
  from?: number | undefined
  /** Before this time, milliseconds. */
  to?: number | undefined
}

/** The actor and the origin of a request, as every audit event records them. */
export interface Caller {
  actorId: string | null
  onBehalfOf?: string | null
  ip: string | null
  userAgent: string | null
  requestId: string | null
}

/** Gatehouse itself, for an event that no request caused. */
export const itself: Caller = { actorId: null, ip: null, userAgent: null, requestId: null }

export function auditEvent(
  type: AuditType,
  caller: Caller,
  now: number,
  about: { userId?: string | null; sessionId?: string | null; actorId?: string; detail?: AuditDetail } = {}
): AuditEvent {
  return {
    id: uuidv7(),
    at: now,
    type,
    actorId: about.actorId ?? caller.actorId,
    onBehalfOf: caller.onBehalfOf ?? null,
    userId: about.userId ?? null,
    sessionId: about.sessionId ?? null,
    ip: caller.ip,
    userAgent: caller.userAgent,
    requestId: caller.requestId,
    detail: about.detail ?? {}
  }
}

export interface AuditRepository {
  append(event: AuditEvent): Promise<void>
  /** Appends many at once. */
  appendAll(events: AuditEvent[]): Promise<void>
  /** Newest first, unless `oldestFirst`. */
  list(page: Page & AuditFilter & { oldestFirst?: boolean }): Promise<AuditEvent[]>
  /** Reads the `limit` oldest rows after the id `after`, and removes those older than `before`. `last` is the last row read. */
  removeOldest(batch: {
    before: number
    limit: number
    after: string
  }): Promise<{ removed: number; last?: string }>
}
