/** Permission to do one thing once. The database stores the hash of its token. */
export interface OneTimeToken {
  hash: string
  purpose: 'setup' | 'password'
  userId: string | null
  expiresAt: number
}

export interface OneTimeTokenRepository {
  insert(token: OneTimeToken): Promise<void>
  find(hash: string, purpose: OneTimeToken['purpose'], now: number): Promise<OneTimeToken | undefined>
  /** Atomic: returns true to one caller only. */
  consume(hash: string, purpose: OneTimeToken['purpose'], now: number): Promise<boolean>
  /** Withdraws all tokens of all users. */
  withdrawAll(): Promise<void>
  /** Withdraws the tokens of one purpose for all users who hold this role. */
  withdrawFromHolders(purpose: OneTimeToken['purpose'], role: string): Promise<void>
  /** Withdraws every token of one purpose for one user, or those without a user if `userId` is null. */
  withdraw(purpose: OneTimeToken['purpose'], userId: string | null): Promise<void>
}
