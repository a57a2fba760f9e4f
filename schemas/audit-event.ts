import { type Static, Type } from 'typebox'
import { Nullable, Time, View } from './common.ts'

/** An event of the audit trail. */
export const AuditEventView = View('AuditEvent', {
  id: Type.String(),
  at: Time,
  type: Type.String(),
  actorId: Nullable(Type.String({ description: '`operator` for the command line' })),
  onBehalfOf: Nullable(
    Type.String({ description: 'The person for whom a client did it, by an exchanged token' })
  ),
  userId: Nullable(Type.String()),
  sessionId: Nullable(Type.String()),
  ip: Nullable(Type.String()),
  userAgent: Nullable(Type.String()),
  requestId: Nullable(Type.String()),
  detail: Type.Object({}, { additionalProperties: true })
})
export type AuditEventView = Static<typeof AuditEventView>
