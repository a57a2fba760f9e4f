import { type Static, Type } from 'typebox'
import { Closed, Nullable, Time } from './common.ts'
import { RoleName } from './role.ts'
import { Email, Name, User } from './user.ts'

const Roles = Type.Array(RoleName, { maxItems: 100, uniqueItems: true })

export const NewUser = Closed({
  email: Email,
  name: Type.Optional(Nullable(Name)),
  roles: Type.Optional(Roles)
})

export const UserChange = Closed(
  {
    name: Type.Optional(Nullable(Name)),
    disabled: Type.Optional(Type.Boolean()),
    roles: Type.Optional(Roles)
  },
  { minProperties: 1 }
)

/** A link by which a user chooses a password, once. Only the administrator who made it sees it, and only once. */
export const OneTimeLink = Type.Object({
  token: Type.String(),
  url: Type.String(),
  expiresAt: Time
})
export type OneTimeLink = Static<typeof OneTimeLink>

const warnings = Type.Optional(
  Type.Array(
    Type.Object({
      code: Type.String({ description: 'Stable: see docs/errors.md' }),
      detail: Type.String()
    }),
    { description: 'What to look at, although it was done; left out if there is nothing' }
  )
)

export const ChangedUser = Type.Object({ ...User.properties, warnings })
export const CreatedUser = Type.Object({
  ...User.properties,
  passwordLink: Type.Optional(OneTimeLink),
  warnings
})

export const AuditEvent = Type.Object({
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
export type AuditEvent = Static<typeof AuditEvent>
