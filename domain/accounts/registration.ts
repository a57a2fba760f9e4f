import type { Clock } from '../clock.ts'
import { Problem } from '../errors.ts'
import { uuidv7 } from '../id.ts'
import { type AuditType, auditEvent, type Caller } from '../model/audit.ts'
import type { Session } from '../model/session.ts'
import type { Store, Transaction } from '../model/store.ts'
import type { InsertedUser, User } from '../model/user.ts'
import type { PasswordHasher } from '../passwords/hasher.ts'
import type { PasswordPolicy } from '../passwords/policy.ts'
import { keepAnAdministrator } from '../roles/authority.ts'
import type { Sessions, SignedIn } from '../sessions/sessions.ts'
import type { LoginThrottle } from '../sign-in/throttle.ts'
import { normaliseEmail } from './email-address.ts'
import { requireNewEmail } from './new-email.ts'

export interface Credentials {
  email: string
  password: string
  remember?: boolean | undefined
}

export interface AccountParts {
  store: Store
  clock: Clock
  sessions: Sessions
  hasher: PasswordHasher
  checkPassword: PasswordPolicy
  throttle: LoginThrottle
  registration: string
}

export type Accounts = ReturnType<typeof createAccounts>

/** A person's own account: joining, signing in, proving it again, changing the password or the name, leaving. */
export function createAccounts({
  store,
  clock,
  sessions,
  hasher,
  checkPassword,
  throttle,
  registration
}: AccountParts) {
  async function refuse(type: AuditType, caller: Caller, user: User | undefined): Promise<never> {
    await store.audit.append(auditEvent(type, caller, clock(), { userId: user?.id ?? null }))
    throw new Problem('invalid_credentials')
  }

  /** The session after its owner proved who they are again. The user's row is locked by now, as in every sign-in. */
  async function renewWithin(tx: Transaction, session: Session): Promise<SignedIn> {
    const renewed = await tx.sessions.renew(session.id, clock())
    if (!renewed) throw new Problem('unauthorized')
    return sessions.present(renewed, tx)
  }

  /** One comparison and, if it holds, the sign-in. Undefined where the hash was replaced in between. */
  async function tryLogin(
    user: User | undefined,
    input: Credentials,
    caller: Caller,
    counts: string[],
    previous: Session | undefined
  ): Promise<SignedIn | undefined> {
    const matches = await hasher.verify(user?.passwordHash ?? null, input.password)
    if (!user?.passwordHash || !matches || user.disabled) return refuse('login.failed', caller, user)

    const { id, passwordHash } = user
    const now = clock()
    const newHash = hasher.isOutdated(passwordHash) ? await hasher.hash(input.password) : undefined
    return store.transaction(async (tx) => {
      if (!(await tx.users.recordLogin(id, passwordHash, now))) return undefined
      if (newHash !== undefined) await tx.users.rehashPassword(id, passwordHash, newHash)
      await throttle.clearWithin(tx, counts)
      const opening = { userId: id, remember: input.remember, previous, as: 'login.succeeded' } as const
      const session = await sessions.openWithin(tx, opening, caller)
      // Read before the password was compared: what changed since has raised the version, and a refresh will tell.
      return sessions.signedIn(session, { ...user, lastLoginAt: now })
    })
  }

  /** Compares the password of somebody who is signed in, under a throttle of that session's own. */
  async function confirmPassword(session: Session, password: string, failure: AuditType, caller: Caller) {
    const user = await store.users.find(session.userId)
    const counts = await throttle.reserveInSession(session, user, caller)
    const matches = await hasher.verify(user?.passwordHash ?? null, password)
    if (!user?.passwordHash || !matches) return refuse(failure, caller, user)
    return { user, passwordHash: user.passwordHash, counts }
  }

  return {
    /** Throws a Problem `registration_closed`, `invalid_request`, `weak_password` or `email_taken`. */
    async register(
      input: { email: string; password: string; name?: string | null | undefined },
      caller: Caller,
      previous: Session | undefined
    ): Promise<SignedIn> {
      if (registration !== 'open') throw new Problem('registration_closed')
      const email = requireNewEmail(input.email)
      checkPassword(input.password, { email, name: input.name }, '/password')
      const passwordHash = await hasher.hash(input.password)
      const user = newUser(email, input.name ?? null, passwordHash, clock())
      return store.transaction(async (tx) => {
        if (!(await tx.users.insert(user))) throw new Problem('email_taken')
        await tx.users.recordLogin(user.id, passwordHash, clock())
        const opening = { userId: user.id, previous, as: 'account.registered' } as const
        return sessions.present(await sessions.openWithin(tx, opening, caller), tx)
      })
    },

    /**
     * Signs in with e-mail and password: the same work and the same refusal for every reason. `previous` is the session
     * that this browser still proves; it ends. Throws a Problem `invalid_credentials`, `rate_limited` or `busy`.
     */
    async login(
      input: Credentials,
      caller: Caller,
      previous: Session | undefined,
      deviceCookies: string[]
    ): Promise<SignedIn> {
      const email = normaliseEmail(input.email) ?? input.email
      const user = await store.users.findByEmail(email)
      const counts = await throttle.reserveLogin({ email, user, deviceCookies }, caller)
      // A hash replaced under our eyes may be the same password at a new cost: it is compared once more.
      return (
        (await tryLogin(user, input, caller, counts, previous)) ??
        (await tryLogin(await store.users.findByEmail(email), input, caller, counts, previous)) ??
        refuse('login.failed', caller, user)
      )
    },

    /**
     * Proves again who is signed in: the session's `authTime` becomes now, and what was given out before is worth nothing
     * of it. Throws as `login`.
     */
    async reauthenticate(session: Session, password: string, caller: Caller): Promise<SignedIn> {
      const { user, counts } = await confirmPassword(session, password, 'reauthentication.failed', caller)
      return store.transaction(async (tx) => {
        await sessions.makeTokensStaleWithin(tx, { id: user.id })
        await throttle.clearWithin(tx, counts)
        const about = { userId: user.id, sessionId: session.id }
        await tx.audit.append(auditEvent('reauthentication.succeeded', caller, clock(), about))
        return renewWithin(tx, session)
      })
    },

    /** Every other session ends; this one goes on with new tokens. Throws as `login`, or `weak_password`. */
    async changePassword(
      session: Session,
      input: { currentPassword: string; newPassword: string },
      caller: Caller
    ): Promise<SignedIn> {
      const confirmed = await confirmPassword(
        session,
        input.currentPassword,
        'password.change_failed',
        caller
      )
      const { user, passwordHash, counts } = confirmed
      checkPassword(input.newPassword, user, '/newPassword')
      const newHash = await hasher.hash(input.newPassword)
      return store.transaction(async (tx) => {
        if (!(await tx.users.setPasswordHash(user.id, passwordHash, newHash)))
          throw new Problem('invalid_credentials')
        await sessions.endAllWithin(tx, user.id, 'password_changed', session.id)
        await sessions.makeTokensStaleWithin(tx, { id: user.id })
        await tx.oneTimeTokens.withdraw('password', user.id)
        await throttle.clearWithin(tx, counts)
        const about = { userId: user.id, sessionId: session.id }
        await tx.audit.append(auditEvent('password.changed', caller, clock(), about))
        return renewWithin(tx, session)
      })
    },

    /** Throws a Problem `unauthorized` if the session ended meanwhile. */
    async rename(
      { userId, sessionId }: { userId: string; sessionId: string },
      name: string | null,
      caller: Caller
    ): Promise<SignedIn> {
      return store.transaction(async (tx) => {
        await tx.users.setName(userId, name)
        await sessions.makeTokensStaleWithin(tx, { id: userId })
        await tx.audit.append(auditEvent('account.renamed', caller, clock(), { userId }))
        return sessions.present(await sessions.current(sessionId, tx), tx)
      })
    },

    /** Removes the account and all its sessions. Throws a Problem `last_administrator`. */
    async deleteOwn(userId: string, caller: Caller): Promise<void> {
      await store.transaction(async (tx) => {
        await keepAnAdministrator(tx, async () => {
          await sessions.deleteUserWithin(tx, userId)
        })
        await tx.audit.append(auditEvent('account.deleted', caller, clock(), { userId }))
      })
    }
  }
}

export function newUser(
  email: string,
  name: string | null,
  passwordHash: string | null,
  now: number
): InsertedUser {
  return {
    id: uuidv7(),
    email,
    name,
    passwordHash,
    version: 1,
    disabled: false,
    emailVerified: false,
    createdAt: now
  }
}
