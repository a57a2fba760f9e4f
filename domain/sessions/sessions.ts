import type { Clock } from '../clock.ts'
import { Problem } from '../errors.ts'
import type { DerivedKey } from '../keys/master-key.ts'
import { auditEvent, type Caller } from '../model/audit.ts'
import type { Page } from '../model/page.ts'
import type { EndReason, Session } from '../model/session.ts'
import type { Repositories, Store, Transaction } from '../model/store.ts'
import type { User } from '../model/user.ts'
import { revokeSessions, revokeUserTokens } from '../revocations/revoke.ts'
import type { SessionBinding } from './binding.ts'
import { isGenuine, type RefreshToken, readRefreshToken, sealRefreshToken } from './refresh-token.ts'

/** How long sessions last, in milliseconds. */
export interface SessionLifetimes {
  idleTtl: number
  maxTtl: number
}

/** All times in milliseconds. */
export interface SessionRules extends SessionLifetimes {
  refreshKeys: DerivedKey
  /** How long the direct predecessor gets its successor: always, and while no request shows that the successor arrived. */
  grace: number
  unseen: number
}

/** A live session with the data for its cookies. */
export interface SignedIn {
  user: User
  session: Session
  refreshToken: string
}

/** The results of a refresh. `repeated`: the token was the direct predecessor, and got the same successor again. */
export const refreshResults = ['rotated', 'repeated', 'replayed', 'invalid'] as const

export type RefreshResult = (typeof refreshResults)[number]

interface SessionParts {
  store: Store
  clock: Clock
  rules: SessionRules
  /** Called after every refresh. */
  onRefresh?: ((result: RefreshResult) => void) | undefined
}

/** The refresh tokens that a browser sends, several if another host has set one, and the session that it is bound to. */
export interface ShownTokens {
  texts: string[]
  sessionId: string | undefined
}

interface Refreshed {
  result: RefreshResult
  signedIn?: SignedIn
}

export type Sessions = ReturnType<typeof createSessions>

/** The session state machine: opened by a sign-in, rotated by refreshes, ended once and for good. */
export function createSessions({ store, clock, rules, onRefresh }: SessionParts) {
  const isLive = (session: Session, now: number) =>
    session.endedAt === null && session.idleExpiresAt > now && session.expiresAt > now

  /** Returns the newest genuine refresh token of the session that the browser is bound to. */
  async function verifyRefreshToken({
    texts,
    sessionId
  }: ShownTokens): Promise<{ token: RefreshToken; session: Session } | undefined> {
    const tokens = texts.flatMap((text) => readRefreshToken(text) ?? [])
    const isNamed = tokens.some((token) => token.sessionId === sessionId)
    const session = sessionId && isNamed ? await store.sessions.find(sessionId) : undefined
    if (!session) return undefined
    const [token] = tokens
      .filter((each) => isGenuine(each, session, rules.refreshKeys.accepted))
      .sort((one, other) => other.generation - one.generation)
    return token && { token, session }
  }

  /** Returns a live session with its owner and its refresh token. */
  function signedIn(session: Session, user: User): SignedIn {
    return {
      user,
      session,
      refreshToken: sealRefreshToken(session, session.generation, rules.refreshKeys.current)
    }
  }

  /**
   * Returns a session with its owner. If a transaction changed either, read inside it, so that no reply mixes two states.
   * Throws a Problem `invalid_session` if the owner is gone or disabled.
   */
  async function withUser(session: Session, db: Repositories = store): Promise<SignedIn> {
    const user = await db.users.find(session.userId)
    if (!user || user.disabled) throw new Problem('invalid_session')
    return signedIn(session, user)
  }

  /** Returns the result of a refresh and, if the browser may have them, the session's next tokens. */
  async function rotate(shown: ShownTokens, caller: Caller): Promise<Refreshed> {
    const proof = await verifyRefreshToken(shown)
    if (!proof) return { result: 'invalid' }
    const { token, session } = proof
    // Read before the rotation: an access token never has an older sign-in and a newer version at once.
    const user = await store.users.find(session.userId)
    if (!user || user.disabled) return { result: 'invalid' }
    const now = clock()
    const rotated = await store.sessions.rotate(session.id, token.generation, {
      lastUsedAt: now,
      idleExpiresAt: Math.min(now + rules.idleTtl, session.expiresAt),
      ip: caller.ip ?? '',
      userAgent: caller.userAgent ?? ''
    })
    return rotated
      ? { result: 'rotated', signedIn: signedIn(rotated, user) }
      : settleLostRace(token, user, caller)
  }

  async function settleLostRace(token: RefreshToken, user: User, caller: Caller): Promise<Refreshed> {
    const now = clock()
    const session = await store.sessions.find(token.sessionId)
    if (!session || !isLive(session, now)) return { result: 'invalid' }
    const right = rightOf(token, session, now)
    if (right === 'successor') return { result: 'repeated', signedIn: signedIn(session, user) }
    if (right === 'nothing') return { result: 'invalid' }
    await endReplayed(session, token, caller, now)
    return { result: 'replayed' }
  }

  /** Returns what a refresh token that is not the current one gets: its successor, nothing, or the end of its session. */
  function rightOf(
    { generation }: RefreshToken,
    session: Session,
    now: number
  ): 'successor' | 'nothing' | 'end' {
    const age = now - session.lastUsedAt
    const { grace, unseen } = rules
    if (generation !== session.generation - 1) return 'end'
    if (session.handover === 'withheld') return age <= grace ? 'nothing' : 'end'
    return age <= (session.handover === 'unseen' ? Math.max(grace, unseen) : grace) ? 'successor' : 'end'
  }

  // A separate transaction: the session stays ended although the request with the old token fails.
  async function endReplayed(
    session: Session,
    token: RefreshToken,
    caller: Caller,
    now: number
  ): Promise<void> {
    await store.transaction(async (tx) => {
      if (!(await tx.sessions.end(session.id, 'replayed', now))) return
      await revokeSessions(tx, [session.id], now)
      await tx.audit.append(
        auditEvent('session.replayed', caller, now, {
          userId: session.userId,
          sessionId: session.id,
          detail: { shown: token.generation, current: session.generation }
        })
      )
    })
  }

  /** Ends one session inside a transaction. Returns false if it had already ended. */
  async function endWithin(
    tx: Transaction,
    session: Session,
    reason: EndReason,
    caller: Caller
  ): Promise<boolean> {
    const now = clock()
    if (!(await tx.sessions.end(session.id, reason, now))) return false
    await revokeSessions(tx, [session.id], now)
    await tx.audit.append(
      auditEvent('session.ended', caller, now, {
        userId: session.userId,
        sessionId: session.id,
        detail: { reason }
      })
    )
    return true
  }

  /** Ends all sessions of a user inside a transaction, except one. Returns how many ended. */
  async function endAllWithin(
    tx: Transaction,
    userId: string,
    reason: EndReason,
    except?: string
  ): Promise<number> {
    const now = clock()
    const ended = await tx.sessions.endAll(userId, reason, now, except)
    await revokeSessions(tx, ended, now)
    return ended.length
  }

  /**
   * Gives new tokens to a session whose owner has just typed the password. The caller has locked the user's row, as in a
   * sign-in. Throws a Problem `unauthorized` if the session has ended.
   */
  async function renewWithin(tx: Transaction, session: Session): Promise<SignedIn> {
    const renewed = await tx.sessions.renew(session.id, clock())
    if (!renewed) throw new Problem('unauthorized')
    return withUser(renewed, tx)
  }

  /** Deletes an account. Locks its row first, as a sign-in does, so that no sign-in opens a session in between. */
  async function deleteUserWithin(tx: Transaction, userId: string): Promise<void> {
    await revokeUserTokens(tx, { id: userId }, clock())
    await endAllWithin(tx, userId, 'user_deleted')
    await tx.users.delete(userId)
  }

  return {
    deleteUserWithin,
    renewWithin,
    signedIn,
    withUser,
    endWithin,
    endAllWithin,

    /**
     * Exchanges a refresh token for its successor. The direct predecessor gets the same successor again: within the grace,
     * and longer while no request shows that the successor arrived. An older token is a replay and ends the session.
     * Throws a Problem `invalid_session`.
     */
    async refresh(shown: ShownTokens, caller: Caller): Promise<SignedIn> {
      const { result, signedIn } = await rotate(shown, caller)
      onRefresh?.(result)
      if (!signedIn) throw new Problem('invalid_session')
      return signedIn
    },

    /** Notes that the tokens of this generation have arrived: from now on their predecessor has only the grace. */
    confirm: ({ sessionId, generation }: SessionBinding) => store.sessions.confirm(sessionId, generation),

    /** Returns the session, live or not, that the browser is bound to; undefined without a genuine refresh token of it. */
    async findByRefreshToken(shown: ShownTokens): Promise<Session | undefined> {
      return (await verifyRefreshToken(shown))?.session
    },

    /** Returns the sessions, live or not, of these refresh tokens, without regard to the browser's binding. */
    async findByRefreshTokens(texts: string[]): Promise<Session[]> {
      const proofs = texts.map((text) =>
        verifyRefreshToken({ texts: [text], sessionId: readRefreshToken(text)?.sessionId })
      )
      return (await Promise.all(proofs)).flatMap((proof) => proof?.session ?? [])
    },

    /** Returns the session of a user who is signed in. Throws a Problem `unauthorized` if it has ended. */
    async current(id: string, db: Repositories = store): Promise<Session> {
      const session = await db.sessions.find(id)
      if (!session || !isLive(session, clock())) throw new Problem('unauthorized')
      return session
    },

    /** Says whether a session exists and has not ended. */
    isLive: (session: Session | undefined): boolean => session !== undefined && isLive(session, clock()),

    listLive: (userId: string, page: Page) => store.sessions.listLive(userId, clock(), page),

    /** Ends a session of this user. Throws a Problem `not_found` if the user has no such live session. */
    async endOwned(userId: string, sessionId: string, reason: EndReason, caller: Caller): Promise<void> {
      await store.transaction(async (tx) => {
        const session = await tx.sessions.find(sessionId)
        if (!session || session.userId !== userId || !(await endWithin(tx, session, reason, caller))) {
          throw new Problem('not_found')
        }
      })
    },

    /** Ends a session. Does nothing if it has already ended. */
    async end(session: Session, reason: EndReason, caller: Caller): Promise<void> {
      await store.transaction((tx) => endWithin(tx, session, reason, caller))
    },

    /** Ends all sessions of a user. Returns how many ended. */
    async endAll(userId: string, reason: EndReason, caller: Caller): Promise<number> {
      return store.transaction(async (tx) => {
        const count = await endAllWithin(tx, userId, reason)
        await tx.audit.append(
          auditEvent('session.all_ended', caller, clock(), { userId, detail: { reason, count } })
        )
        return count
      })
    }
  }
}
