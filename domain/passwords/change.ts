import type { Clock } from '../clock.ts'
import { Problem } from '../errors.ts'
import type { Outbox } from '../mail/outbox.ts'
import { auditEvent, type Caller } from '../model/audit.ts'
import type { Session } from '../model/session.ts'
import type { Store } from '../model/store.ts'
import { revokeUserTokens } from '../revocations/revoke.ts'
import type { Sessions, SignedIn } from '../sessions/sessions.ts'
import type { PasswordSignIn } from '../sign-in/password.ts'
import type { LoginThrottle } from '../sign-in/throttle.ts'
import type { PasswordHasher } from './hasher.ts'
import type { PasswordPolicy } from './policy.ts'

export type ChangePassword = ReturnType<typeof createPasswordChange>

/** Changes the password of a person who is signed in and types the current one. */
export function createPasswordChange({
  store,
  clock,
  sessions,
  hasher,
  checkPassword,
  throttle,
  outbox,
  signIn
}: {
  store: Store
  clock: Clock
  sessions: Sessions
  hasher: PasswordHasher
  checkPassword: PasswordPolicy
  throttle: LoginThrottle
  outbox: Outbox
  signIn: Pick<PasswordSignIn, 'confirm'>
}) {
  /**
   * Ends every other session; this one goes on with new tokens. Throws a Problem `invalid_credentials`, `rate_limited`,
   * `busy` or `weak_password`.
   */
  return async (
    session: Session,
    { currentPassword, newPassword }: { currentPassword: string; newPassword: string },
    caller: Caller
  ): Promise<SignedIn> => {
    const confirmed = await signIn.confirm(session, currentPassword, 'password.change_failed', caller)
    const { user, passwordHash, counts } = confirmed
    await checkPassword(newPassword, user, '/newPassword')
    const newHash = await hasher.hash(newPassword)
    return store.transaction(async (tx) => {
      const isChanged = await tx.users.setPasswordHash(user.id, passwordHash, newHash)
      if (!isChanged) throw new Problem('invalid_credentials')
      await sessions.endAllWithin(tx, user.id, 'password_changed', session.id)
      await revokeUserTokens(tx, { id: user.id }, clock())
      await tx.oneTimeTokens.withdraw('password', user.id)
      await throttle.clearWithin(tx, counts)
      const about = { userId: user.id, sessionId: session.id }
      await tx.audit.append(auditEvent('password.changed', caller, clock(), about))
      const notice = { kind: 'password_changed', userId: user.id, at: clock(), ip: caller.ip } as const
      await outbox.enqueueWithin(tx, notice)
      return sessions.renewWithin(tx, session)
    })
  }
}
