/** Permission to do one thing once, known by the hash of its token. */
export interface OneTimeToken {
  hash: string
  purpose: 'setup' | 'password'
  userId: string | null
  expiresAt: number
}

export interface OneTimeTokenRepository {
  insert(token: OneTimeToken): Promise<void>
  find(hash: string, purpose: OneTimeToken['purpose'], now: number): Promise<OneTimeToken | undefined>
  /** Atomic: true for one caller only. */
  consume(hash: string, purpose: OneTimeToken['purpose'], now: number): Promise<boolean>
  /** Withdraws everybody's. */
  withdrawAll(): Promise<void>
  /** Withdraws the tokens of one purpose of everybody who holds this role. */
  withdrawFromHolders(purpose: OneTimeToken['purpose'], role: string): Promise<void>
  /** Withdraws every token of one purpose for one user, or for nobody in particular. */
  withdraw(purpose: OneTimeToken['purpose'], userId: string | null): Promise<void>
}
