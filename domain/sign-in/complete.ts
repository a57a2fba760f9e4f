import type { Clock } from '../clock.ts'
import { type AuditType, auditEvent, type Caller } from '../model/audit.ts'
import type { Session } from '../model/session.ts'
import type { Transaction } from '../model/store.ts'
import type { User } from '../model/user.ts'
import { openSession } from '../sessions/open.ts'
import type { SessionLifetimes, Sessions, SignedIn } from '../sessions/sessions.ts'

/** How and where a person signs in. */
export interface SignInContext {
  caller: Caller
  /** The session that this browser still has. The sign-in ends it. */
  previous: Session | undefined
  /** Whether the cookies outlive the browser. */
  remember?: boolean | undefined
  /** What the audit trail calls this sign-in. */
  event: AuditType
}

export type CompleteSignIn = ReturnType<typeof createCompleteSignIn>

/** Creates the only function that opens a session: every sign-in ends here. */
export function createCompleteSignIn({
  sessions,
  lifetimes,
  clock
}: {
  sessions: Sessions
  lifetimes: SessionLifetimes
  clock: Clock
}) {
  /**
   * Opens a session for the user, whose proof has been checked. Returns undefined if the account was disabled, deleted or
   * given another password since `user` was read.
   */
  return async (
    tx: Transaction,
    user: User,
    { caller, previous, remember = false, event }: SignInContext
  ): Promise<SignedIn | undefined> => {
    const now = clock()
    // Locks the user's row, so that no session opens after the account was disabled.
    const isUnchanged =
      user.passwordHash !== null && (await tx.users.recordLogin(user.id, user.passwordHash, now))
    if (!isUnchanged) return undefined

    const session = await openSession(tx, { userId: user.id, remember }, lifetimes, caller, now)
    if (previous) await sessions.endWithin(tx, previous, 'replaced', caller)
    const about = { actorId: user.id, userId: user.id, sessionId: session.id }
    await tx.audit.append(auditEvent(event, caller, now, about))
    return sessions.signedIn(session, { ...user, lastLoginAt: now })
  }
}
