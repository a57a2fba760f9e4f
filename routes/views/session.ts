import { toIso } from '../../domain/clock.ts'
import type { Session } from '../../domain/model/session.ts'
import type { SignedIn } from '../../domain/sessions/sessions.ts'
import type { DeviceView, MeView, SignedInView } from '../../schemas/session.ts'
import { pageView } from '../paging.ts'
import { userView } from './user.ts'

function sessionView({ id, authTime, expiresAt }: Session): SignedInView['session'] {
  return { id, authTime: toIso(authTime), expiresAt: toIso(expiresAt) }
}

export function signedInView({ user, session }: SignedIn): SignedInView {
  return { user: userView(user), session: sessionView(session) }
}

export function deviceView(session: Session, currentId: string | undefined): DeviceView {
  return {
    id: session.id,
    createdAt: toIso(session.createdAt),
    lastUsedAt: toIso(session.lastUsedAt),
    expiresAt: toIso(session.expiresAt),
    ip: session.ip,
    userAgent: session.userAgent,
    current: session.id === currentId
  }
}

/** Shows a page of a user's devices, from the sessions of `pageOf`. */
export function devicesView(sessions: Session[], query: { limit?: number }, currentId: string | undefined) {
  const view = (session: Session) => deviceView(session, currentId)
  return pageView(sessions, query, ({ id }) => id, view)
}

export function meView(signedIn: SignedIn): MeView {
  return { ...signedInView(signedIn), roles: signedIn.user.roles, scope: signedIn.user.scope.join(' ') }
}
