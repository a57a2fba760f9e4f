import type { Clock } from '../clock.ts'
import { isSameText } from '../constant-time.ts'
import { Problem } from '../errors.ts'
import type { Outbox } from '../mail/outbox.ts'
import { auditEvent, type Caller } from '../model/audit.ts'
import type { OneTimeToken } from '../model/one-time-token.ts'
import type { Store, Transaction } from '../model/store.ts'
import type { User } from '../model/user.ts'
import {
  hashCode,
  hashOneTimeToken,
  issueMailedLink,
  issueOneTimeLink,
  type OneTimeLink
} from '../one-time-tokens.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { LoginThrottle } from '../sign-in/throttle.ts'
import type { PasswordHasher } from './hasher.ts'
import type { PasswordPolicy } from './policy.ts'

export type PasswordReset = ReturnType<typeof createPasswordReset>

/** What redeems a link: its token, or the code beside it together with the secret of the browser that asked. */
export type ResetProof = { token: string } | { code: string; browser: string }

/** Issues and redeems links through which the owner of an account chooses a password once. */
export function createPasswordReset({
  store,
  clock,
  sessions,
  hasher,
  checkPassword,
  throttle,
  outbox,
  issuer
}: {
  store: Store
  clock: Clock
  sessions: Sessions
  hasher: PasswordHasher
  checkPassword: PasswordPolicy
  throttle: LoginThrottle
  outbox: Outbox
  issuer: string
}) {
  const page = `${issuer}/auth/password/reset`

  async function find(proof: ResetProof): Promise<OneTimeToken | undefined> {
    if ('token' in proof) return store.oneTimeTokens.find(hashOneTimeToken(proof.token), 'password', clock())
    const tried = await store.oneTimeTokens.tryCode(hashOneTimeToken(proof.browser), 'password', clock())
    const hash = hashCode(proof.code, proof.browser)
    return tried.find(({ codeHash }) => isSameText(codeHash ?? '', hash))
  }

  /** Returns the account that a token belongs to, if it is enabled and still has the address that the link was mailed to. */
  async function accountOf(token: OneTimeToken | undefined): Promise<User | undefined> {
    const user = token?.userId ? await store.users.find(token.userId) : undefined
    const isTheirs = user && !user.disabled && (token?.email ?? user.email) === user.email
    return isTheirs ? user : undefined
  }

  return {
    /** Issues a link for a user. The user's earlier links stop working. */
    async issueLinkWithin(tx: Transaction, userId: string): Promise<OneTimeLink> {
      await tx.oneTimeTokens.withdraw('password', userId)
      return issueOneTimeLink(tx, { purpose: 'password', userId }, page, clock())
    },

    /** Issues a link and a code for a mail to the user's address. The user's earlier links stop working. */
    async issueMailedLinkWithin(tx: Transaction, { id: userId, email }: User, browser: string) {
      await tx.oneTimeTokens.withdraw('password', userId)
      return issueMailedLink(tx, { purpose: 'password', userId, email, browser }, page, clock())
    },

    /**
     * Sets the password that the owner of the link chose, ends all sessions and clears every count of failures. A mailed link
     * also proves the address. Throws a Problem `invalid_token` or `weak_password`.
     */
    async redeem(proof: ResetProof, password: string, caller: Caller): Promise<User> {
      const token = await find(proof)
      const user = await accountOf(token)
      if (!token || !user) throw new Problem('invalid_token')
      await checkPassword(password, user, '/password')
      const passwordHash = await hasher.hash(password)
      return store.transaction(async (tx) => {
        if (!(await tx.oneTimeTokens.consume(token.hash, 'password', clock())))
          throw new Problem('invalid_token')
        if (token.email !== null && !user.emailVerified) await tx.users.proveEmail(user.id)
        const isSet = await tx.users.setPasswordHash(user.id, user.passwordHash, passwordHash)
        if (!isSet) throw new Problem('invalid_token')
        await tx.oneTimeTokens.withdraw('password', user.id)
        await sessions.endAllWithin(tx, user.id, 'password_reset')
        await throttle.clearAccountWithin(tx, user.email)
        const about = { actorId: user.id, userId: user.id }
        await tx.audit.append(auditEvent('password.reset', caller, clock(), about))
        const notice = { kind: 'password_changed', userId: user.id, at: clock(), ip: caller.ip } as const
        await outbox.enqueueWithin(tx, notice)
        return (await tx.users.find(user.id)) as User
      })
    }
  }
}
