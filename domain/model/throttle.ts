/** What a count of tries lets through. All times in milliseconds. */
export interface ThrottlePolicy {
  /** The try that costs the first delay; those before it are free. */
  limit: number
  firstDelay: number
  /** How many delays there are, each twice the one before; the try after them costs `rest`. */
  delays: number
  rest: number
  /** After so long the count starts again: since its first try, or since its last. */
  keep: number
  keepSince: 'first' | 'last'
}

/** One count of tries, by its key, and the account that it belongs to: both MACs. */
export interface ThrottleKey {
  key: string
  account: string
}

/** Tries of one account that were refused before a password was compared. `account` is a MAC; `ip` is of the last one. */
export interface BlockedTries {
  account: string
  userId: string | null
  ip: string | null
  tries: number
}

export interface ThrottleRepository {
  /**
   * Atomic: counts a try, or says how many milliseconds to wait before the next. A try is not counted either while the
   * count with the key `unlessBlocked` refuses.
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
  /** Atomic: counts refused tries. False, and not counted, if a report is due: `interval` after the last one. */
  countBlocked(blocked: BlockedTries, interval: number, now: number): Promise<boolean>
  /** Atomic: counts refused tries. Returns how many to report now: none if no report is due. */
  recordBlocked(blocked: BlockedTries, interval: number, now: number): Promise<number>
  /** Atomic: takes what is due to be reported, of so many accounts at most, with the address of the last try. */
  takeBlocked(
    limit: number,
    interval: number,
    now: number
  ): Promise<Array<{ userId: string | null; ip: string | null; count: number }>>
}
