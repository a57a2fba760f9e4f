import { Type } from 'typebox'
import { Body, Email } from './common.ts'
import { OneTimeToken } from './one-time-link.ts'

// Wide on purpose: it only bounds the work. The password policy says what a password must be, and gives reasons.
export const Password = Type.String({ minLength: 1, maxLength: 1024 })

export const PasswordChange = Body('PasswordChange', { currentPassword: Password, newPassword: Password })

export const PasswordReset = Body('PasswordReset', {
  token: Type.Optional(OneTimeToken),
  code: Type.Optional(
    Type.String({
      maxLength: 20,
      description: 'The code of the mail, instead of `token`, in the browser that asked'
    })
  ),
  password: Password
})

export const ForgottenPassword = Body('ForgottenPassword', { email: Email })
