import { type Static, Type } from 'typebox'
import { Closed, Email, Nullable, Time } from './common.ts'
import { Name, Roles } from './user.ts'

/** An account as a line of an import or an export. */
export const AccountRecord = Closed({
  email: Email,
  name: Type.Optional(Nullable(Name)),
  emailVerified: Type.Optional(Type.Boolean()),
  disabled: Type.Optional(Type.Boolean()),
  roles: Type.Optional(Roles),
  createdAt: Type.Optional(Time),
  passwordHash: Type.Optional(Nullable(Type.String({ minLength: 1, maxLength: 1024 })))
})
export type AccountRecord = Static<typeof AccountRecord>
