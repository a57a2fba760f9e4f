import type { Actor } from './claims.ts'

/**
 * What was revoked: a session (`sid`), one access token (`jti`), or all tokens of a signing key (`kid`). Of a user or a client:
 * the tokens below a version. An entry expires with the last access token that it concerns; that of a key never expires.
 */
export type Revocation =
  | { kind: 'sid' | 'jti' | 'kid'; id: string; expiresAt: number }
  | { kind: 'user' | 'client'; id: string; minVersion: number; expiresAt: number }

/** The claims of an access token that decide whether it was revoked. */
export interface Revocable {
  jti: string
  sub: string
  iat?: number | undefined
  sid?: string | undefined
  ver?: number | undefined
  client_id?: string | undefined
  client_ver?: number | undefined
  act?: Actor | undefined
}

export type TokenStatus = 'valid' | 'revoked' | 'stale'

/** Holds the live revocations in memory. A token costs a few map look-ups, and no I/O. */
export class RevocationSet {
  readonly #sessions = new Map<string, number>()
  readonly #tokens = new Map<string, number>()
  readonly #users = new LeastVersions()
  readonly #clients = new LeastVersions()
  readonly #keys = new Set<string>()
  readonly #unknown = new Map<string, number>()
  /** Milliseconds since the epoch. Entries of an unknown kind may concern tokens issued until then. */
  #doubtedUntil = Number.NEGATIVE_INFINITY

  add(revocation: Revocation): void {
    const { kind, id, expiresAt } = revocation
    if ('minVersion' in revocation) {
      const versions = kind === 'user' ? this.#users : this.#clients
      versions.raise(id, revocation.minVersion, expiresAt)
    } else if (kind === 'kid') {
      this.#keys.add(id)
    } else {
      const entries = kind === 'sid' ? this.#sessions : this.#tokens
      entries.set(id, expiresAt)
    }
  }

  /** Adds an entry of an unknown kind. The first time, makes all tokens issued until `now` (milliseconds) stale. */
  addUnknown(entry: string, expiresAt: number, now: number): void {
    if (this.#unknown.has(entry)) return
    this.#unknown.set(entry, expiresAt)
    this.#doubtedUntil = Math.max(this.#doubtedUntil, now)
  }

  statusOf({ jti, sub, iat = 0, sid, ver, client_id, client_ver = 0, act }: Revocable): TokenStatus {
    if (this.#tokens.has(jti) || (sid !== undefined && this.#sessions.has(sid))) return 'revoked'
    if (client_id !== undefined && this.#clients.isAbove(client_id, client_ver)) return 'revoked'
    if (act?.act !== undefined && this.#hasRevokedActor(act.act)) return 'revoked'
    if (iat * 1000 <= this.#doubtedUntil) return 'stale'
    return ver !== undefined && this.#users.isAbove(sub, ver) ? 'stale' : 'valid'
  }

  // A token derived from a client's token ends with that client, and with that token.
  #hasRevokedActor({ sub, client_ver = 0, jti, act }: Actor): boolean {
    return (
      this.#clients.isAbove(sub, client_ver) ||
      (jti !== undefined && this.#tokens.has(jti)) ||
      (act !== undefined && this.#hasRevokedActor(act))
    )
  }

  /** Whether tokens that a client gets at this version count. */
  isClientCurrent(id: string, version: number): boolean {
    return !this.#clients.isAbove(id, version)
  }

  isKeyRevoked(kid: string): boolean {
    return this.#keys.has(kid)
  }

  /** Removes expired entries. Keeps those of keys, because a thief can sign with a stolen key for ever. */
  prune(now: number): void {
    for (const entries of [this.#sessions, this.#tokens, this.#unknown]) {
      for (const [id, expiresAt] of entries) if (expiresAt <= now) entries.delete(id)
    }
    this.#users.prune(now)
    this.#clients.prune(now)
  }

  get size(): number {
    const parts = [this.#sessions, this.#tokens, this.#users, this.#clients, this.#keys, this.#unknown]
    return parts.reduce((total, { size }) => total + size, 0)
  }
}

/** The lowest valid version of each id. */
class LeastVersions {
  readonly #entries = new Map<string, { minVersion: number; expiresAt: number }>()

  // Versions of two transactions may arrive out of order: the highest wins.
  raise(id: string, minVersion: number, expiresAt: number): void {
    const known = this.#entries.get(id)
    if (!known || known.minVersion <= minVersion) this.#entries.set(id, { minVersion, expiresAt })
  }

  isAbove(id: string, version: number): boolean {
    const known = this.#entries.get(id)
    return known !== undefined && version < known.minVersion
  }

  prune(now: number): void {
    for (const [id, { expiresAt }] of this.#entries) if (expiresAt <= now) this.#entries.delete(id)
  }

  get size(): number {
    return this.#entries.size
  }
}
