import type { Revocation } from '../../verifier/revocation-set.ts'
import type { AuditEvent, AuditRepository } from './audit.ts'
import type { ClientRepository } from './client.ts'
import type { JobRepository } from './job.ts'
import type { OneTimeTokenRepository } from './one-time-token.ts'
import type { RevocationRepository } from './revocation.ts'
import type { RoleRepository } from './role.ts'
import type { SessionRepository } from './session.ts'
import type { SigningKeyRepository } from './signing-key.ts'
import type { ThrottleRepository } from './throttle.ts'
import type { UserRepository } from './user.ts'

export interface Repositories {
  users: UserRepository
  sessions: SessionRepository
  roles: RoleRepository
  signingKeys: SigningKeyRepository
  revocations: RevocationRepository
  clients: ClientRepository
  throttles: ThrottleRepository
  oneTimeTokens: OneTimeTokenRepository
  audit: AuditRepository
  jobs: JobRepository
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
