import type { Page } from './page.ts'

/** A person's account. `version` is the `ver` claim: it rises with every change that makes access tokens stale. */
export interface User {
  id: string
  email: string
  name: string | null
  /** argon2id in PHC form; null until the person has chosen a password. */
  passwordHash: string | null
  version: number
  disabled: boolean
  emailVerified: boolean
  createdAt: number
  lastLoginAt: number | null
  /** Rises with what makes every browser a stranger again: a new password, or disabling the account. */
  deviceEpoch: number
  /** Sorted; `user`, which everybody has, is among them. */
  roles: string[]
  /** What these roles allow together: sorted, without repeats. */
  scope: string[]
}

/** An account as it is inserted: without roles. */
export type InsertedUser = Omit<User, 'roles' | 'scope' | 'lastLoginAt' | 'deviceEpoch'>

export interface UserRepository {
  /** False where the e-mail address is taken. */
  insert(user: InsertedUser): Promise<boolean>
  find(id: string): Promise<User | undefined>
  findByEmail(email: string): Promise<User | undefined>
  /** In order of creation; `search` is part of an e-mail address or a name. */
  list(page: Page & { search?: string | undefined }): Promise<User[]>
  /** Atomic: only while the account is enabled and `passwordHash` is still its hash. Locks the row to the end of the transaction. */
  recordLogin(id: string, passwordHash: string, now: number): Promise<boolean>
  /** Atomic: a new password, only while `expected` is still the hash. Raises the device epoch. */
  setPasswordHash(id: string, expected: string | null, hash: string): Promise<boolean>
  /** The same password, hashed anew, only while `expected` is still the hash. */
  rehashPassword(id: string, expected: string, hash: string): Promise<void>
  /** Afterwards no password signs in to the account. Locks the row to the end of the transaction. */
  voidPassword(id: string): Promise<void>
  setName(id: string, name: string | null): Promise<void>
  /** Disabling raises the device epoch. */
  setDisabled(id: string, disabled: boolean): Promise<void>
  setRoles(id: string, roles: string[]): Promise<void>
  /** Makes the access tokens of these users stale: one with this id, all holders of this role. Returns the new versions. */
  bumpVersion(of: { id: string } | { role: string }): Promise<Array<{ id: string; version: number }>>
  /** Raises versions below `least` to it, of so many users at most. Returns whose. */
  raiseVersions(least: number, atMost: number): Promise<string[]>
  delete(id: string): Promise<boolean>
  /** Enabled accounts that hold `admin` and have a password. */
  countAdministrators(): Promise<number>
  /** Every different set of roles that somebody holds. */
  listRoleSets(): Promise<string[][]>
}
