import type { Clock } from '../clock.ts'
import { Problem } from '../errors.ts'
import { auditEvent, type Caller } from '../model/audit.ts'
import type { Store, Transaction } from '../model/store.ts'
import type { User } from '../model/user.ts'
import { hashOneTimeToken, issueOneTimeLink, type OneTimeLink } from '../one-time-tokens.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { LoginThrottle } from '../sign-in/throttle.ts'
import type { PasswordHasher } from './hasher.ts'
import type { PasswordPolicy } from './policy.ts'

export type PasswordReset = ReturnType<typeof createPasswordReset>

/** Issues and redeems links through which the owner of an account chooses a password once. */
export function createPasswordReset({
  store,
  clock,
  sessions,
  hasher,
  checkPassword,
  throttle,
  issuer
}: {
  store: Store
  clock: Clock
  sessions: Sessions
  hasher: PasswordHasher
  checkPassword: PasswordPolicy
  throttle: LoginThrottle
  issuer: string
}) {
  const page = `${issuer}/auth/password/reset`

  return {
    /** Issues a link for a user. The user's earlier links stop working. */
    async issueLinkWithin(tx: Transaction, userId: string): Promise<OneTimeLink> {
      await tx.oneTimeTokens.withdraw('password', userId)
      return issueOneTimeLink(tx, { purpose: 'password', userId }, page, clock())
    },

    /**
     * Sets the password that the owner of the link chose, ends all sessions and clears every count of failures. Throws a
     * Problem `invalid_token` or `weak_password`.
     */
    async redeem({ token, password }: { token: string; password: string }, caller: Caller): Promise<User> {
      const hash = hashOneTimeToken(token)
      const found = await store.oneTimeTokens.find(hash, 'password', clock())
      const user = found?.userId ? await store.users.find(found.userId) : undefined
      if (!user || user.disabled) throw new Problem('invalid_token')
      await checkPassword(password, user, '/password')
      const passwordHash = await hasher.hash(password)
      return store.transaction(async (tx) => {
        if (!(await tx.oneTimeTokens.consume(hash, 'password', clock()))) throw new Problem('invalid_token')
        const isSet = await tx.users.setPasswordHash(user.id, user.passwordHash, passwordHash)
        if (!isSet) throw new Problem('invalid_token')
        await tx.oneTimeTokens.withdraw('password', user.id)
        await sessions.endAllWithin(tx, user.id, 'password_reset')
        await throttle.clearAccountWithin(tx, user.email)
        const about = { actorId: user.id, userId: user.id }
        await tx.audit.append(auditEvent('password.reset', caller, clock(), about))
        return (await tx.users.find(user.id)) as User
      })
    }
  }
}
