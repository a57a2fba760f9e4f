import { Type } from 'typebox'

/** The body of an error reply (RFC 9457, `application/problem+json`). */
export const ProblemView = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'Stable: see docs/errors.md' }),
    detail: Type.Optional(Type.String()),
    requestId: Type.String(),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: Type.String({ description: 'JSON pointer to the field' }),
          code: Type.String(),
          detail: Type.String()
        })
      )
    )
  },
  { description: 'What was refused, and why (RFC 9457)' }
)

/** The error replies that every route may give, by status. */
export const problemReplies = { '4xx': ProblemView, '5xx': ProblemView } as const
