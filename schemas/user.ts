import { type Static, Type } from 'typebox'
import { Body, Email, Id, Nullable, Text, Time, View } from './common.ts'
import { OneTimeLinkView, OneTimeToken } from './one-time-link.ts'
import { Password } from './password.ts'
import { RoleName } from './role.ts'

export const Name = Text({ minLength: 1, maxLength: 100 })

/** A user as replies show one. */
export const UserView = View('User', {
  id: Id,
  email: Type.String(),
  name: Nullable(Type.String()),
  roles: Type.Array(Type.String()),
  emailVerified: Type.Boolean(),
  disabled: Type.Boolean(),
  createdAt: Time,
  lastLoginAt: Nullable(Time)
})
export type UserView = Static<typeof UserView>

export const NameChange = Body('NameChange', { name: Nullable(Name) })

export const Roles = Type.Array(RoleName, { maxItems: 100, uniqueItems: true })

export const NewUserBody = Body('NewUser', {
  email: Email,
  name: Type.Optional(Nullable(Name)),
  roles: Type.Optional(Roles)
})

export const UserChangeBody = Body(
  'UserChange',
  {
    name: Type.Optional(Nullable(Name)),
    disabled: Type.Optional(Type.Boolean()),
    roles: Type.Optional(Roles)
  },
  { minProperties: 1 }
)

const warnings = Type.Optional(
  Type.Array(
    View('Warning', {
      code: Type.String({ description: 'Stable: see docs/errors.md' }),
      detail: Type.String()
    }),
    { description: 'What to look at, although it was done; left out if there is nothing' }
  )
)

export const ChangedUserView = View('ChangedUser', { ...UserView.properties, warnings })
export const CreatedUserView = View('CreatedUser', {
  ...UserView.properties,
  passwordLink: Type.Optional(OneTimeLinkView),
  warnings
})

export const Registration = Body('Registration', {
  email: Email,
  password: Password,
  name: Type.Optional(Nullable(Name))
})

export const SetUp = Body('SetUp', {
  token: OneTimeToken,
  email: Email,
  password: Password,
  name: Type.Optional(Nullable(Name))
})
