import type { Page } from './page.ts'

/**
 * What the predecessor of a session's present refresh token still gets. `unseen`: the present one, because no request has
 * shown that it arrived. `seen`: the present one within the grace for parallel tabs. `withheld`: nothing, because the
 * present one was earned by a password.
 */
export type Handover = 'unseen' | 'seen' | 'withheld'

/** One sign-in on one device. `seed` never leaves the database; `generation` counts the refresh tokens given out. */
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
  /** Of the sign-in, or of the last refresh since. */
  ip: string
  userAgent: string
}

/** What a refresh changes in a session besides its generation. */
export type Rotation = Pick<Session, 'lastUsedAt' | 'idleExpiresAt' | 'ip' | 'userAgent'>

export interface SessionRepository {
  insert(session: Omit<Session, 'endedAt'>): Promise<void>
  find(id: string): Promise<Session | undefined>
  /** Live ones of one user, in order of creation. */
  listLive(userId: string, now: number, page: Page): Promise<Session[]>
  /** Atomic: the generation rises by one, unseen, only if it is `generation` and the session lives. */
  rotate(id: string, generation: number, rotation: Rotation): Promise<Session | undefined>
  /** Atomic: `authTime` becomes now and the generation rises, withheld, only if the session lives. */
  renew(id: string, now: number): Promise<Session | undefined>
  /** Atomic: an unseen handover becomes seen, only if the generation is still `generation`. */
  confirm(id: string, generation: number): Promise<void>
  /** False where it had ended before. */
  end(id: string, reason: string, now: number): Promise<boolean>
  /** The ids of those that ended by this. */
  endAll(userId: string, reason: string, now: number, except?: string): Promise<string[]>
  /** Ends up to `limit` that live, whoever has them, opened by now. The ids of those that ended by this. */
  endSome(limit: number, reason: string, now: number): Promise<string[]>
}
