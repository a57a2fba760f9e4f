/** The limits of a count of tries. All times in milliseconds. */
export interface ThrottlePolicy {
  /** Number of the try that causes the first delay; earlier tries cause none. */
  limit: number
  firstDelay: number
  /** Number of delays, each twice the one before. The try after them causes the delay `rest`. */
  delays: number
  rest: number
  /** Time after which the count starts again, measured from its first or its last try. */
  keep: number
  keepSince: 'first' | 'last'
}

/** The key of a count of tries, and the account that it belongs to. Both are MACs. */
export interface ThrottleKey {
  key: string
  account: string
}

/** Tries for one account, refused before a password was compared. `account` is a MAC; `ip` is that of the last try. */
export interface BlockedTries {
  account: string
  userId: string | null
  ip: string | null
  tries: number
}

export interface ThrottleRepository {
  /**
   * Atomic: counts a try, or returns the milliseconds to wait before the next. It does not count a try while the count with
   * the key `unlessBlocked` refuses.
   */
  reserve(
    count: ThrottleKey,
    policy: ThrottlePolicy,
    now: number,
    unlessBlocked?: string
  ): Promise<{ wait: number }>
  clear(keys: string[]): Promise<void>
  /** Clears every count of the account. */
  clearAccount(account: string): Promise<void>
  /** Atomic: counts refused tries. If a report is due, `interval` after the last, returns false and does not count. */
  countBlocked(blocked: BlockedTries, interval: number, now: number): Promise<boolean>
  /** Atomic: counts refused tries. Returns how many to report now: none if no report is due. */
  recordBlocked(blocked: BlockedTries, interval: number, now: number): Promise<number>
  /** Atomic: takes the due reports of `limit` accounts at most, with the address of the last try. */
  takeBlocked(
    limit: number,
    interval: number,
    now: number
  ): Promise<Array<{ userId: string | null; ip: string | null; count: number }>>
}
