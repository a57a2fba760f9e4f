import { Type } from 'typebox'
import { Closed } from './common.ts'
import { ROLE_NAME, SCOPE_OPTIONS, SCOPE_TOKENS } from './role.ts'

/** The roles that a caller must have. An empty list is refused, because it is probably a mistake. */
const RequiredRoles = Type.String({
  pattern: `^${ROLE_NAME}( ${ROLE_NAME})*$`,
  description: 'Space-separated; all of them',
  examples: ['editor reviewer']
})
const RequiredScope = Type.String({
  ...SCOPE_OPTIONS,
  pattern: `^${SCOPE_TOKENS}$`,
  description: 'Space-separated; all of it'
})

/** What a reverse proxy requires of the caller. */
export const Check = Closed({
  role: Type.Optional(RequiredRoles),
  scope: Type.Optional(RequiredScope),
  preflight: Type.Optional(
    Type.Literal('pass', {
      description:
        'Lets CORS preflights pass without a credential, because browsers send none with them. Only for a proxy that sets `X-Forwarded-Method` itself'
    })
  )
})
