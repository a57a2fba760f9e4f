import { type Static, Type } from 'typebox'
import { Closed, Id, Nullable, Text, Time } from './common.ts'

export const Email = Text({ minLength: 3, maxLength: 320, examples: ['ada@example.com'] })

// Wide on purpose: it only bounds the work. The password policy says what a password must be, and gives reasons.
export const Password = Type.String({ minLength: 1, maxLength: 1024 })

export const Name = Text({ minLength: 1, maxLength: 100 })

/** A user as replies show one. */
export const User = Type.Object({
  id: Id,
  email: Type.String(),
  name: Nullable(Type.String()),
  roles: Type.Array(Type.String()),
  emailVerified: Type.Boolean(),
  disabled: Type.Boolean(),
  createdAt: Time,
  lastLoginAt: Nullable(Time)
})
export type User = Static<typeof User>

export const NameChange = Closed({ name: Nullable(Name) })
