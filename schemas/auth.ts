import { Type } from 'typebox'
import { Closed, Nullable } from './common.ts'
import { RequiredRoles, RequiredScope } from './role.ts'
import { Email, Name, Password } from './user.ts'

const OneTimeToken = Type.String({ minLength: 1, maxLength: 200 })

export const Registration = Closed({ email: Email, password: Password, name: Type.Optional(Nullable(Name)) })

export const Login = Closed({
  email: Email,
  password: Password,
  remember: Type.Optional(Type.Boolean({ description: 'Cookies that outlive the browser' }))
})

export const Reauthentication = Closed({ password: Password })

export const PasswordChange = Closed({ currentPassword: Password, newPassword: Password })

export const PasswordReset = Closed({ token: OneTimeToken, password: Password })

export const SetUp = Closed({
  token: OneTimeToken,
  email: Email,
  password: Password,
  name: Type.Optional(Nullable(Name))
})

export const CsrfToken = Type.Object({
  csrfToken: Type.String({ description: 'For the header X-CSRF-Token' })
})

/** What a reverse proxy requires of the caller. */
export const Check = Closed({ role: Type.Optional(RequiredRoles), scope: Type.Optional(RequiredScope) })
