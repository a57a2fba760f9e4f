import { toIso } from '../../domain/clock.ts'
import type { SignedIn } from '../../domain/sessions.ts'
import type { Session } from '../../domain/store.ts'
import type { Device, SignedIn as SignedInView } from '../../schemas/session.ts'
import { userView } from './user.ts'

function sessionView({ id, authTime, expiresAt }: Session): SignedInView['session'] {
  return { id, authTime: toIso(authTime), expiresAt: toIso(expiresAt) }
}

export function signedInView({ user, session }: SignedIn): SignedInView {
  return { user: userView(user), session: sessionView(session) }
}

export function deviceView(session: Session, currentId: string | undefined): Device {
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
