import type { JWK } from 'jose'
import type { Revocation } from '../../verifier/revocation-set.ts'
import type { Algorithm } from '../../verifier/sources.ts'
import type { AuditEvent, AuditFilter } from './audit.ts'

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

export interface Role {
  name: string
  description: string
  /** Sorted and without repeats. */
  scope: string[]
  builtIn: boolean
}

export interface SigningKey {
  /** RFC 7638 thumbprint. */
  kid: string
  algorithm: Algorithm
  publicPem: string
  /** PKCS #8, sealed under the master key. */
  sealedPrivateKey: string
  /** Brought from outside, not made here. */
  imported: boolean
  /** When it was published, and from when on it signs, until another key does. */
  createdAt: number
  activatesAt: number
}

/** A machine that signs in by itself (RFC 6749 §2). */
export interface Client {
  id: string
  name: string
  /** What it may ask for: sorted, without repeats. */
  scope: string[]
  /** The services that its tokens may be for. */
  audiences: string[]
  /** The `grant_type` values that the token endpoint takes from it (RFC 6749 §5.2, `unauthorized_client`). */
  grants: string[]
  disabled: boolean
  /** The `client_ver` claim: it rises with every change that ends its tokens. */
  version: number
  /** Public keys that it signs assertions by (RFC 7523); empty for a client with secrets alone. */
  jwks: JWK[]
  createdAt: number
  secrets: ClientSecret[]
}

/** A client's secret, known by its keyed hash. */
export interface ClientSecret {
  id: string
  clientId: string
  hash: string
  createdAt: number
  expiresAt: number | null
  /** To the minute or so. */
  lastUsedAt: number | null
}

/** Permission to do one thing once, known by the hash of its token. */
export interface OneTimeToken {
  hash: string
  purpose: 'setup' | 'password'
  userId: string | null
  expiresAt: number
}

export interface Page {
  limit: number
  /** The id of the last item of the page before. */
  after?: string | undefined
}

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

export interface Users {
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

export interface Sessions {
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

export interface Roles {
  list(page: Page): Promise<Role[]>
  find(name: string): Promise<Role | undefined>
  /** The scopes of these roles together, sorted, without repeats. */
  scopeOf(names: string[]): Promise<string[]>
  /** Names that are no role. */
  missing(names: string[]): Promise<string[]>
  /** False where the name is taken. */
  insert(role: Omit<Role, 'builtIn'>): Promise<boolean>
  update(role: Omit<Role, 'builtIn'>): Promise<boolean>
  delete(name: string): Promise<void>
}

export interface SigningKeys {
  list(): Promise<SigningKey[]>
  insert(key: SigningKey): Promise<void>
  /** Sets from when on a key signs. */
  activate(kid: string, activatesAt: number): Promise<void>
  /** Only while `expected` is still the sealed private key. */
  reseal(kid: string, expected: string, sealed: string): Promise<void>
  delete(kid: string): Promise<void>
  /** Whether a key of this id was revoked, however long ago. */
  isRevoked(kid: string): Promise<boolean>
}

/** What was revoked, and the position from which to read the next time. */
export interface RevocationReading {
  entries: Array<{ position: number; revocation: Revocation }>
  next: number
}

export interface Revocations {
  add(revocations: Revocation[]): Promise<void>
  /** The live ones from a position on, which may repeat ones read before. */
  since(position: number, now: number): Promise<RevocationReading>
}

export interface Clients {
  /** In order of creation. */
  list(page: Page): Promise<Client[]>
  find(id: string): Promise<Client | undefined>
  insert(client: Omit<Client, 'secrets'>): Promise<void>
  /** Replaces everything but its secrets. */
  update(client: Omit<Client, 'secrets'>): Promise<void>
  /** Raises versions below `least` to it, of so many clients at most. Returns whose. */
  raiseVersions(least: number, atMost: number): Promise<string[]>
  delete(id: string): Promise<void>
  insertSecret(secret: ClientSecret): Promise<void>
  /** False where there is none. */
  deleteSecret(clientId: string, secretId: string): Promise<boolean>
  recordSecretUse(secretId: string, hash: string, now: number): Promise<void>
  /** Atomic: true for the first to show this assertion of this client. */
  useAssertion(clientId: string, jti: string, expiresAt: number): Promise<boolean>
}

export interface Throttles {
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

export interface OneTimeTokens {
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

export interface Audit {
  append(event: AuditEvent): Promise<void>
  /** Newest first. */
  list(page: Page & AuditFilter): Promise<AuditEvent[]>
  /** Looks at the `limit` oldest rows behind the id `after`, and removes those from before a time. `last` is the last looked at. */
  removeOldest(batch: {
    before: number
    limit: number
    after: string
  }): Promise<{ removed: number; last?: string }>
}

/** What one instance does for all of them. */
export interface Jobs {
  /** Atomic: true for one caller if the job is due, which makes it due again at a later time. */
  claim(name: 'audit-retention', now: number, dueAgainAt: number): Promise<boolean>
}

export interface Repositories {
  users: Users
  sessions: Sessions
  roles: Roles
  signingKeys: SigningKeys
  revocations: Revocations
  clients: Clients
  throttles: Throttles
  oneTimeTokens: OneTimeTokens
  audit: Audit
  jobs: Jobs
}

export interface Transaction extends Repositories {
  /** Waits until no other transaction holds this name; held to the end of the transaction. */
  exclusive(name: 'roles' | 'signing-keys' | 'clients'): Promise<void>
}

/** How busy the database is: callers that wait for their turn and, where there are any, its connections. */
export interface StoreLoad {
  waiting: number
  connections?: { active: number; idle: number }
}

/** What a commit made true, for those in this process who follow it. */
export interface Committed {
  audited: AuditEvent[]
  revoked: Revocation[]
}

/**
 * Everything that is kept. A promise that resolves means that the change is on disk; a database that cannot answer
 * rejects with a Problem `unavailable`, and then nothing may be taken for done.
 */
export interface Store extends Repositories {
  engine: 'sqlite' | 'postgres'
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  /** Called after each commit, before its caller goes on. */
  onCommit(listener: (committed: Committed) => void): void
  ping(): Promise<void>
  load(): StoreLoad
  /** Removes what no rule needs any more. Returns the number of rows. */
  purge(now: number): Promise<number>
  close(): Promise<void>
}
