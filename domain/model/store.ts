import type { Revocation } from '../../verifier/revocation-set.ts'
import type { AuditEvent, AuditRepository } from './audit.ts'
import type { ClientRepository } from './client.ts'
import type { JobRepository } from './job.ts'
import type { OneTimeTokenRepository } from './one-time-token.ts'
import type { OutboxRepository } from './outbox.ts'
import type { RevocationRepository } from './revocation.ts'
import type { RoleRepository } from './role.ts'
import type { ServiceIdentityRepository } from './service-identity.ts'
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
  outbox: OutboxRepository
  serviceIdentity: ServiceIdentityRepository
}

export interface Transaction extends Repositories {
  /** Waits until no other transaction holds this name, and holds it to the end of the transaction. */
  exclusive(name: 'roles' | 'signing-keys' | 'clients'): Promise<void>
}

/** Load of the database: callers that wait for their turn and, if the engine has them, its connections. */
export interface StoreLoad {
  waiting: number
  connections?: { active: number; idle: number }
}

/** The audit events, revocations and number of outbox entries of a commit, for listeners in this process. */
export interface Committed {
  audited: AuditEvent[]
  revoked: Revocation[]
  enqueued: number
}

/**
 * The database. A promise that resolves means that the change is on disk. If the database cannot answer, the promise rejects
 * with a Problem `unavailable`: the caller must then assume that nothing was done.
 */
export interface Store extends Repositories {
  engine: 'sqlite' | 'postgres'
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  /** Calls `listener` after each commit, before the transaction's caller continues. */
  onCommit(listener: (committed: Committed) => void): void
  ping(): Promise<void>
  load(): StoreLoad
  /** Removes rows that no rule needs any more: up to `atMost` of each kind. Returns their number. */
  purge(now: number, atMost: number): Promise<number>
  close(): Promise<void>
}
