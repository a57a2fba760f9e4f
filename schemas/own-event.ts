import { type Static, Type } from 'typebox'
import { Nullable, Time, View } from './common.ts'

/** An event of the audit trail, as the owner of the account sees it. */
export const OwnEventView = View('OwnEvent', {
  id: Type.String(),
  at: Time,
  type: Type.String({ description: 'See docs/audit.md' }),
  by: Nullable(
    Type.Enum(['you', 'administrator', 'operator', 'service'], {
      description: 'Who did it; null if the caller did not prove who they are'
    })
  ),
  sessionId: Nullable(Type.String({ description: 'The session concerned' })),
  ip: Nullable(Type.String({ description: 'Only if `by` is `you` or null' })),
  userAgent: Nullable(Type.String({ description: 'Only if `by` is `you` or null' })),
  detail: Type.Object({}, { additionalProperties: true })
})
export type OwnEventView = Static<typeof OwnEventView>
