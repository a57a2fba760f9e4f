import { normaliseEmail } from '../accounts/email-address.ts'
import type { Clock } from '../clock.ts'
import { Problem } from '../errors.ts'
import { type AuditType, auditEvent, type Caller } from '../model/audit.ts'
import type { Session } from '../model/session.ts'
import type { Store } from '../model/store.ts'
import type { User } from '../model/user.ts'
import type { PasswordHasher } from '../passwords/hasher.ts'
import { revokeUserTokens } from '../revocations/revoke.ts'
import type { Sessions, SignedIn } from '../sessions/sessions.ts'
import type { CompleteSignIn, SignInContext } from './complete.ts'
import type { LoginThrottle } from './throttle.ts'

export interface Credentials {
  email: string
  password: string
  remember?: boolean | undefined
}

/** The browser that signs in: the session that it still has, and the device cookies that it sends. */
export interface SigningInBrowser {
  previous: Session | undefined
  deviceCookies: string[]
}

/** The owner of a session, who has just typed the current password. */
export interface Confirmed {
  user: User
  passwordHash: string
  /** The counts of failed tries to clear. */
  counts: string[]
}

export type PasswordSignIn = ReturnType<typeof createPasswordSignIn>

/** Signs users in by e-mail address and password, and reauthenticates them. */
export function createPasswordSignIn({
  store,
  clock,
  sessions,
  hasher,
  throttle,
  complete
}: {
  store: Store
  clock: Clock
  sessions: Sessions
  hasher: PasswordHasher
  throttle: LoginThrottle
  complete: CompleteSignIn
}) {
  async function refuse(type: AuditType, caller: Caller, user: User | undefined): Promise<never> {
    await store.audit.append(auditEvent(type, caller, clock(), { userId: user?.id ?? null }))
    throw new Problem('invalid_credentials')
  }

  /** Compares once and, if the password is right, signs in. Returns undefined if the hash was replaced in between. */
  async function tryOnce(
    user: User | undefined,
    password: string,
    counts: string[],
    context: SignInContext
  ): Promise<SignedIn | undefined> {
    const matches = await hasher.verify(user?.passwordHash ?? null, password)
    if (!user?.passwordHash || !matches || user.disabled) return refuse('login.failed', context.caller, user)

    const { id, passwordHash } = user
    const newHash = hasher.isOutdated(passwordHash) ? await hasher.hash(password) : undefined
    return store.transaction(async (tx) => {
      // `user` was read before the comparison. A change since has raised the version, so the token is stale at once.
      const signedIn = await complete(tx, user, context)
      if (!signedIn) return undefined
      if (newHash !== undefined) await tx.users.rehashPassword(id, passwordHash, newHash)
      await throttle.clearWithin(tx, counts)
      return signedIn
    })
  }

  /**
   * Compares the password of a person who is signed in. Each session has its own count of failures. Throws a Problem
   * `invalid_credentials`, `rate_limited` or `busy`.
   */
  async function confirm(
    session: Session,
    password: string,
    failure: AuditType,
    caller: Caller
  ): Promise<Confirmed> {
    const user = await store.users.find(session.userId)
    const counts = await throttle.reserveInSession(session, user, caller)
    const matches = await hasher.verify(user?.passwordHash ?? null, password)
    if (!user?.passwordHash || !matches) return refuse(failure, caller, user)
    return { user, passwordHash: user.passwordHash, counts }
  }

  return {
    confirm,

    /**
     * Signs in. Every failure costs the same work and gives the same refusal. Throws a Problem `invalid_credentials`,
     * `rate_limited` or `busy`.
     */
    async login(
      { email: typed, password, remember }: Credentials,
      { previous, deviceCookies }: SigningInBrowser,
      caller: Caller
    ): Promise<SignedIn> {
      const email = normaliseEmail(typed) ?? typed
      const user = await store.users.findByEmail(email)
      const context = { caller, previous, remember, event: 'login.succeeded' } as const
      // If the hash was replaced in between, it may be of the same password at a new cost: compare once more.
      return throttle.tryLogin(
        { email, user, deviceCookies },
        caller,
        async (counts) =>
          (await tryOnce(user, password, counts, context)) ??
          (await tryOnce(await store.users.findByEmail(email), password, counts, context)) ??
          refuse('login.failed', caller, user)
      )
    },

    /**
     * Reauthenticates a signed-in user: the session's `authTime` becomes now, and its earlier tokens become invalid.
     * Throws as `login` does.
     */
    async reauthenticate(session: Session, password: string, caller: Caller): Promise<SignedIn> {
      const { user, counts } = await confirm(session, password, 'reauthentication.failed', caller)
      return store.transaction(async (tx) => {
        await revokeUserTokens(tx, { id: user.id }, clock())
        await throttle.clearWithin(tx, counts)
        const about = { userId: user.id, sessionId: session.id }
        await tx.audit.append(auditEvent('reauthentication.succeeded', caller, clock(), about))
        return sessions.renewWithin(tx, session)
      })
    }
  }
}
