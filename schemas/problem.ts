import { Type } from 'typebox'
import { View } from './common.ts'

/** The body of an error reply (RFC 9457, `application/problem+json`). */
export const ProblemView = View(
  'Problem',
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'Stable: see docs/errors.md' }),
    detail: Type.Optional(Type.String()),
    requestId: Type.String(),
    errors: Type.Optional(
      Type.Array(
        View('FieldError', {
          pointer: Type.String({ description: 'JSON pointer to the field' }),
          code: Type.String(),
          detail: Type.String()
        })
      )
    )
  },
  { description: 'What was refused, and why (RFC 9457)' }
)
