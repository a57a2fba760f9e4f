/** Permission to do one thing once. The database stores the hash of its token. */
export interface OneTimeToken {
  hash: string
  purpose: 'setup' | 'password'
  userId: string | null
  expiresAt: number
  /** The address to which Gatehouse mailed the link; null if an administrator or a command made it. */
  email: string | null
  /** The hash of the secret of the browser that asked, and of the code that counts in it. */
  browserHash: string | null
  codeHash: string | null
}

/** The tries of a code that count. */
export const CODE_TRIES = 5

export interface OneTimeTokenRepository {
  insert(token: OneTimeToken): Promise<void>
  find(hash: string, purpose: OneTimeToken['purpose'], now: number): Promise<OneTimeToken | undefined>
  /** Atomic: counts a try of a code in this browser. Returns the tokens that it asked for and that have tries left. */
  tryCode(browserHash: string, purpose: OneTimeToken['purpose'], now: number): Promise<OneTimeToken[]>
  /** Atomic: returns true to one caller only. */
  consume(hash: string, purpose: OneTimeToken['purpose'], now: number): Promise<boolean>
  /** Withdraws all tokens of all users. */
  withdrawAll(): Promise<void>
  /** Withdraws the tokens of one purpose for all users who hold this role. */
  withdrawFromHolders(purpose: OneTimeToken['purpose'], role: string): Promise<void>
  /** Withdraws every token of one purpose for one user, or those without a user if `userId` is null. */
  withdraw(purpose: OneTimeToken['purpose'], userId: string | null): Promise<void>
}
