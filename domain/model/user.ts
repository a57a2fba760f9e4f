import type { Page } from './page.ts'

/** A person's account. `version` is the `ver` claim: it rises with every change that makes access tokens stale. */
export interface User {
  id: string
  email: string
  name: string | null
  /** argon2id in PHC form, or an imported hash until its first sign-in; null until the person has chosen a password. */
  passwordHash: string | null
  version: number
  disabled: boolean
  emailVerified: boolean
  createdAt: number
  lastLoginAt: number | null
  /** Rises with a new password and when the account is disabled: all browsers are then unknown again. */
  deviceEpoch: number
  /** Sorted. Includes `user`, which all users have. */
  roles: string[]
  /** Scope of these roles together: sorted, without duplicates. */
  scope: string[]
}

/** An account as it is inserted: without roles. */
export type InsertedUser = Omit<User, 'roles' | 'scope' | 'lastLoginAt' | 'deviceEpoch'>

/** The accounts to list: those that match every given field. `search` is part of an e-mail address or a name. */
export interface UserFilter {
  search?: string | undefined
  role?: string | undefined
  disabled?: boolean | undefined
}

export interface UserRepository {
  /** Returns false if the e-mail address is taken. */
  insert(user: InsertedUser): Promise<boolean>
  /** Inserts many at once. Returns the ids of those whose address was free. */
  insertAll(users: InsertedUser[]): Promise<string[]>
  find(id: string): Promise<User | undefined>
  findByEmail(email: string): Promise<User | undefined>
  /** Returns the accounts that have one of these addresses. */
  findByEmails(emails: string[]): Promise<User[]>
  /** In order of creation. */
  list(page: Page & UserFilter): Promise<User[]>
  /** Atomic: only if the account is enabled and `passwordHash` is still its hash. Locks the row to the transaction's end. */
  recordLogin(id: string, passwordHash: string, now: number): Promise<boolean>
  /** Atomic: sets a new password, only if `expected` is still the hash. Raises the device epoch. */
  setPasswordHash(id: string, expected: string | null, hash: string): Promise<boolean>
  /** Stores a new hash of the same password, only if `expected` is still the hash. */
  rehashPassword(id: string, expected: string, hash: string): Promise<void>
  /** Removes the password, so that none signs in to the account. Locks the row to the transaction's end. */
  voidPassword(id: string): Promise<void>
  /** Marks the address as proved. Removes the name if the account has a password: whoever chose both need not own the address. */
  proveEmail(id: string): Promise<void>
  setName(id: string, name: string | null): Promise<void>
  setEmailVerified(id: string): Promise<void>
  /** Disabling raises the device epoch. */
  setDisabled(id: string, disabled: boolean): Promise<void>
  setRoles(id: string, roles: string[]): Promise<void>
  /** Gives roles to new accounts, which have none. */
  addRoles(holders: Array<{ id: string; roles: string[] }>): Promise<void>
  /** Makes the access tokens of one user, or of all holders of a role, stale. Returns the new versions. */
  bumpVersion(of: { id: string } | { role: string }): Promise<Array<{ id: string; version: number }>>
  /** Raises versions below `least` to `least`, for `atMost` users. Returns their ids. */
  raiseVersions(least: number, atMost: number): Promise<string[]>
  delete(id: string): Promise<boolean>
  /** Counts the enabled accounts that hold `admin` and have a password. */
  countAdministrators(): Promise<number>
  /** Returns every distinct set of roles that a user holds. */
  listRoleSets(): Promise<string[][]>
}
