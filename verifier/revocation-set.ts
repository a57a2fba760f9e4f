/**
 * What no longer counts: a session (`sid`), one access token (`jti`), or a user's tokens below a version. An entry
 * lives as long as the last access token that it concerns.
 */
export type Revocation =
  | { kind: 'sid' | 'jti'; id: string; expiresAt: number }
  | { kind: 'user'; id: string; minVersion: number; expiresAt: number }

/** What of an access token decides whether it was revoked. */
export interface Revocable {
  jti: string
  sub: string
  sid?: string | undefined
  ver?: number | undefined
}

export type Standing = 'valid' | 'revoked' | 'stale'

/** The live revocations in memory: a few map look-ups an access token, no I/O. */
export class RevocationSet {
  readonly #sessions = new Map<string, number>()
  readonly #tokens = new Map<string, number>()
  readonly #users = new Map<string, { minVersion: number; expiresAt: number }>()

  add(revocation: Revocation): void {
    if (revocation.kind === 'user') this.#addVersion(revocation)
    else if (revocation.kind === 'sid') this.#sessions.set(revocation.id, revocation.expiresAt)
    else this.#tokens.set(revocation.id, revocation.expiresAt)
  }

  standingOf({ jti, sub, sid, ver }: Revocable): Standing {
    if (this.#tokens.has(jti) || (sid !== undefined && this.#sessions.has(sid))) return 'revoked'
    const user = this.#users.get(sub)
    return user !== undefined && ver !== undefined && ver < user.minVersion ? 'stale' : 'valid'
  }

  /** Forgets what no unexpired token can be concerned by. */
  prune(now: number): void {
    for (const entries of [this.#sessions, this.#tokens]) {
      for (const [id, expiresAt] of entries) if (expiresAt <= now) entries.delete(id)
    }
    for (const [id, { expiresAt }] of this.#users) if (expiresAt <= now) this.#users.delete(id)
  }

  get size(): number {
    return this.#sessions.size + this.#tokens.size + this.#users.size
  }

  // Versions may arrive out of order from two transactions: the highest stands.
  #addVersion({ id, minVersion, expiresAt }: Revocation & { kind: 'user' }): void {
    const known = this.#users.get(id)
    if (!known || known.minVersion <= minVersion) this.#users.set(id, { minVersion, expiresAt })
  }
}
