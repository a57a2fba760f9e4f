import { Type } from 'typebox'
import { Closed } from './common.ts'
import { OneTimeToken } from './one-time-link.ts'

// Wide on purpose: it only bounds the work. The password policy says what a password must be, and gives reasons.
export const Password = Type.String({ minLength: 1, maxLength: 1024 })

export const PasswordChange = Closed({ currentPassword: Password, newPassword: Password })

export const PasswordReset = Closed({ token: OneTimeToken, password: Password })
