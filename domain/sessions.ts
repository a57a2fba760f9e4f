import { randomBytes } from 'node:crypto'
import { lastTokenExpiry } from './access-token.ts'
import { type AuditType, auditEvent, type Caller } from './audit.ts'
import type { Clock } from './clock.ts'
import { Problem } from './errors.ts'
import { uuidv7 } from './id.ts'
import type { DerivedKey } from './master-key.ts'
import { isGenuine, type RefreshToken, readRefreshToken, sealRefreshToken } from './refresh-token.ts'
import type { Page, Session, Store, Transaction, User } from './store.ts'

const SEED_BYTES = 32

export interface SessionRules {
  refreshKeys: DerivedKey
  /** All in milliseconds. */
  idleTtl: number
  maxTtl: number
  grace: number
}

/** A live session with all that its cookies are made of. */
export interface SignedIn {
  user: User
  session: Session
  refreshToken: string
}

/** Who signs in, and what the audit trail calls it. `previous` is the session that the browser still proves. */
export interface Opening {
  userId: string
  remember?: boolean | undefined
  previous: Session | undefined
  as: AuditType
}

/** What a refresh came to. `repeated`: the token was the one just replaced, and its successor was given out again. */
export const refreshResults = ['rotated', 'repeated', 'replayed', 'invalid'] as const

export type RefreshResult = (typeof refreshResults)[number]

interface SessionParts {
  store: Store
  clock: Clock
  rules: SessionRules
  /** Told of every refresh. */
  onRefresh?: ((result: RefreshResult) => void) | undefined
}

/** Why a session ended, as the audit trail and the row say it. */
export type EndReason =
  | 'logout'
  | 'logout_all'
  | 'ended_by_user'
  | 'ended_by_administrator'
  | 'ended_by_operator'
  | 'database_restored'
  | 'replaced'
  | 'replayed'
  | 'password_changed'
  | 'password_reset'
  | 'user_disabled'
  | 'user_deleted'

interface Rotation {
  result: RefreshResult
  session?: Session
}

export type Sessions = ReturnType<typeof createSessions>

/** The session state machine: opened by a sign-in, rotated by refreshes, ended once and for good. */
export function createSessions({ store, clock, rules, onRefresh }: SessionParts) {
  const isLive = (session: Session, now: number) =>
    session.endedAt === null && session.idleExpiresAt > now && session.expiresAt > now

  const revocationOf = (id: string, now: number) =>
    ({ kind: 'sid', id, expiresAt: lastTokenExpiry(now) }) as const

  /** The session that this refresh token was made for, at any generation; undefined where it was not made by us. */
  async function prove(text: string): Promise<{ token: RefreshToken; session: Session } | undefined> {
    const token = readRefreshToken(text)
    const session = token && (await store.sessions.find(token.sessionId))
    return session && isGenuine(token, session, rules.refreshKeys.accepted) ? { token, session } : undefined
  }

  /** A live session and whoever has it, as the sign-in cookies are made of them. */
  function signedIn(session: Session, user: User): SignedIn {
    return {
      user,
      session,
      refreshToken: sealRefreshToken(session, session.generation, rules.refreshKeys.current)
    }
  }

  async function present(session: Session): Promise<SignedIn> {
    const user = await store.users.find(session.userId)
    if (!user || user.disabled) throw new Problem('invalid_session')
    return signedIn(session, user)
  }

  /** The session whose next token may be given out, if any, and what to call it. */
  async function rotate(text: string | undefined, caller: Caller): Promise<Rotation> {
    const proof = text === undefined ? undefined : await prove(text)
    if (!proof) return { result: 'invalid' }
    const { token, session } = proof
    const now = clock()
    const idleExpiresAt = Math.min(now + rules.idleTtl, session.expiresAt)
    const rotated = await store.sessions.rotate(session.id, token.generation, now, idleExpiresAt)
    return rotated ? { result: 'rotated', session: rotated } : settleLostRace(token, caller)
  }

  async function settleLostRace(token: RefreshToken, caller: Caller): Promise<Rotation> {
    const now = clock()
    const session = await store.sessions.find(token.sessionId)
    if (!session || !isLive(session, now)) return { result: 'invalid' }
    const isPredecessor = token.generation === session.generation - 1
    if (isPredecessor && now - session.lastUsedAt <= rules.grace) return { result: 'repeated', session }
    await endReplayed(session, token, caller, now)
    return { result: 'replayed' }
  }

  // Committed by itself: the session stays dead although the request that showed the old token fails.
  async function endReplayed(
    session: Session,
    token: RefreshToken,
    caller: Caller,
    now: number
  ): Promise<void> {
    await store.transaction(async (tx) => {
      if (!(await tx.sessions.end(session.id, 'replayed', now))) return
      await tx.revocations.add([revocationOf(session.id, now)])
      await tx.audit.append(
        auditEvent('session.replayed', caller, now, {
          userId: session.userId,
          sessionId: session.id,
          detail: { shown: token.generation, current: session.generation }
        })
      )
    })
  }

  /** Ends one session inside a transaction. False where it had ended before. */
  async function endWithin(
    tx: Transaction,
    session: Session,
    reason: EndReason,
    caller: Caller
  ): Promise<boolean> {
    const now = clock()
    if (!(await tx.sessions.end(session.id, reason, now))) return false
    await tx.revocations.add([revocationOf(session.id, now)])
    await tx.audit.append(
      auditEvent('session.ended', caller, now, {
        userId: session.userId,
        sessionId: session.id,
        detail: { reason }
      })
    )
    return true
  }

  /** Ends all sessions of a user inside a transaction, but for one. Returns how many ended. */
  async function endAllWithin(
    tx: Transaction,
    userId: string,
    reason: EndReason,
    except?: string
  ): Promise<number> {
    const now = clock()
    const ended = await tx.sessions.endAll(userId, reason, now, except)
    await tx.revocations.add(ended.map((id) => revocationOf(id, now)))
    return ended.length
  }

  /** Has every access token of one user, or of all who hold a role, refreshed before it is accepted again. */
  async function makeTokensStaleWithin(
    tx: Transaction,
    of: { id: string } | { role: string }
  ): Promise<void> {
    const now = clock()
    const expiresAt = lastTokenExpiry(now)
    const bumped = await tx.users.bumpVersion(of)
    await tx.revocations.add(
      bumped.map(({ id, version }) => ({ kind: 'user', id, minVersion: version, expiresAt }))
    )
  }

  /** Removes an account. Its row is locked first, as a sign-in does, so that no session slips in unseen. */
  async function deleteUserWithin(tx: Transaction, userId: string): Promise<void> {
    await makeTokensStaleWithin(tx, { id: userId })
    await endAllWithin(tx, userId, 'user_deleted')
    await tx.users.delete(userId)
  }

  return {
    deleteUserWithin,
    signedIn,
    present,
    endWithin,
    endAllWithin,
    makeTokensStaleWithin,

    /** Opens a session inside the transaction of the sign-in, ends the one that the browser had, and writes it down. */
    async openWithin(
      tx: Transaction,
      { userId, remember = false, previous, as }: Opening,
      caller: Caller
    ): Promise<Session> {
      const now = clock()
      const session: Session = {
        id: uuidv7(),
        userId,
        seed: randomBytes(SEED_BYTES).toString('base64url'),
        generation: 0,
        remember,
        createdAt: now,
        authTime: now,
        lastUsedAt: now,
        idleExpiresAt: now + rules.idleTtl,
        expiresAt: now + rules.maxTtl,
        endedAt: null,
        ip: caller.ip ?? '',
        userAgent: caller.userAgent ?? ''
      }
      await tx.sessions.insert(session)
      if (previous) await endWithin(tx, previous, 'replaced', caller)
      const about = { actorId: userId, userId, sessionId: session.id }
      await tx.audit.append(auditEvent(as, caller, now, about))
      return session
    },

    /**
     * Trades a refresh token for its successor. Whoever loses a race gets the winner's successor, if the token shown
     * is the direct predecessor and within the grace; anything older is a replay and ends the session.
     * Throws a Problem `invalid_session`.
     */
    async refresh(text: string | undefined, caller: Caller): Promise<SignedIn> {
      const { result, session } = await rotate(text, caller)
      onRefresh?.(result)
      if (!session) throw new Problem('invalid_session')
      return present(session)
    },

    /** The session, live or not, that a refresh token proves; undefined without proof. */
    async identify(text: string | undefined): Promise<Session | undefined> {
      return text === undefined ? undefined : (await prove(text))?.session
    },

    /** The session of somebody who is signed in. Throws a Problem `unauthorized` where it has ended. */
    async current(id: string): Promise<Session> {
      const session = await store.sessions.find(id)
      if (!session || !isLive(session, clock())) throw new Problem('unauthorized')
      return session
    },

    listLive: (userId: string, page: Page) => store.sessions.listLive(userId, clock(), page),

    /** Ends a session of this user. Throws a Problem `not_found` where it is no live session of theirs. */
    async endOwned(userId: string, sessionId: string, reason: EndReason, caller: Caller): Promise<void> {
      await store.transaction(async (tx) => {
        const session = await tx.sessions.find(sessionId)
        if (!session || session.userId !== userId || !(await endWithin(tx, session, reason, caller))) {
          throw new Problem('not_found')
        }
      })
    },

    /** Ends a session, or does nothing where it has ended. */
    async end(session: Session, reason: EndReason, caller: Caller): Promise<void> {
      await store.transaction((tx) => endWithin(tx, session, reason, caller))
    },

    /** Returns how many ended. */
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
