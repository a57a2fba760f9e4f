import { type Static, Type } from 'typebox'
import { Body, Email, Id, Time, View } from './common.ts'
import { Password } from './password.ts'
import { UserView } from './user.ts'

export const Login = Body('Login', {
  email: Email,
  password: Password,
  remember: Type.Optional(Type.Boolean({ description: 'Cookies that outlive the browser' }))
})

export const Reauthentication = Body('Reauthentication', { password: Password })

export const CsrfToken = View('CsrfToken', {
  csrfToken: Type.String({ description: 'For the header X-CSRF-Token' })
})

/** The session that a reply's cookies belong to. */
const SessionView = View('Session', {
  id: Id,
  authTime: Time,
  expiresAt: Type.String({
    format: 'date-time',
    description: 'When it ends, even if it is in use; never extended'
  })
})

export const SignedInView = View('SignedIn', { user: UserView, session: SessionView })
export type SignedInView = Static<typeof SignedInView>

export const MeView = View('Me', {
  user: UserView,
  session: SessionView,
  roles: Type.Array(Type.String()),
  scope: Type.String({ description: 'Space-separated permissions' })
})
export type MeView = Static<typeof MeView>

/** The same, or null if no one is signed in. */
export const SessionOrNull = Type.Union([MeView, Type.Null()], { title: 'SessionOrNull' })

/** A device on which a user is signed in. */
export const DeviceView = View('Device', {
  id: Id,
  createdAt: Time,
  lastUsedAt: Time,
  expiresAt: Time,
  ip: Type.String(),
  userAgent: Type.String(),
  current: Type.Boolean()
})
export type DeviceView = Static<typeof DeviceView>
