import type { Page } from './page.ts'

/**
 * What the predecessor of the current refresh token still gets. `unseen`: the current token, because no request has shown
 * that it arrived. `seen`: the current token within the grace for parallel tabs. `withheld`: nothing, because a password
 * earned the current token.
 */
export type Handover = 'unseen' | 'seen' | 'withheld'

/** One sign-in on one device. `seed` never leaves the database; `generation` counts the issued refresh tokens. */
export interface Session {
  id: string
  userId: string
  seed: string
  generation: number
  handover: Handover
  remember: boolean
  createdAt: number
  authTime: number
  lastUsedAt: number
  idleExpiresAt: number
  expiresAt: number
  endedAt: number | null
  /** From the sign-in, or from the last refresh since. */
  ip: string
  userAgent: string
}

/** The fields that a refresh changes in a session, besides its generation. */
export type Rotation = Pick<Session, 'lastUsedAt' | 'idleExpiresAt' | 'ip' | 'userAgent'>

/** The reason for a session's end, as the audit trail and the row record it. */
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
  | 'promoted'
  | 'user_deleted'

export interface SessionRepository {
  insert(session: Omit<Session, 'endedAt'>): Promise<void>
  find(id: string): Promise<Session | undefined>
  /** Returns the live sessions of one user, in order of creation. */
  listLive(userId: string, now: number, page: Page): Promise<Session[]>
  /** Atomic: the generation rises by one, unseen, only if it is `generation` and the session lives. */
  rotate(id: string, generation: number, rotation: Rotation): Promise<Session | undefined>
  /** Atomic: `authTime` becomes now and the generation rises, withheld, only if the session lives. */
  renew(id: string, now: number): Promise<Session | undefined>
  /** Atomic: an unseen handover becomes seen, only if the generation is still `generation`. */
  confirm(id: string, generation: number): Promise<void>
  /** Returns false if the session had already ended. */
  end(id: string, reason: EndReason, now: number): Promise<boolean>
  /** Ends all live sessions of a user, except one. Returns the ids of those that it ended. */
  endAll(userId: string, reason: EndReason, now: number, except?: string): Promise<string[]>
  /** Ends up to `limit` live sessions of all users, opened by `now`. Returns the ids of those that it ended. */
  endSome(limit: number, reason: EndReason, now: number): Promise<string[]>
}
