import { type Static, Type } from 'typebox'
import { Id, Time } from './common.ts'
import { User } from './user.ts'

/** The session that a reply's cookies belong to. */
const Session = Type.Object({
  id: Id,
  authTime: Time,
  expiresAt: Type.String({
    format: 'date-time',
    description: 'When it ends, whatever its use; never extended'
  })
})

export const SignedIn = Type.Object({ user: User, session: Session })
export type SignedIn = Static<typeof SignedIn>

export const Me = Type.Object({
  user: User,
  session: Session,
  roles: Type.Array(Type.String()),
  scope: Type.String({ description: 'Space-separated permissions' })
})

/** A device on which a user is signed in. */
export const Device = Type.Object({
  id: Id,
  createdAt: Time,
  lastUsedAt: Time,
  expiresAt: Time,
  ip: Type.String(),
  userAgent: Type.String(),
  current: Type.Boolean()
})
export type Device = Static<typeof Device>
