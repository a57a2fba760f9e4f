import type { Client } from '../model/client.ts'
import type { Transaction } from '../model/store.ts'
import { lastTokenExpiry } from '../tokens/access-token.ts'

// The only code that writes revocations. Each is refused here at its commit, and everywhere within a second.

/** A stolen key can sign tokens at any time, so its revocation stays. */
const NEVER = Date.UTC(9999, 11, 31)

/** Refuses the access tokens of sessions that have ended. `now` is in milliseconds. */
export async function revokeSessions(tx: Transaction, ids: string[], now: number): Promise<void> {
  const expiresAt = lastTokenExpiry(now)
  await tx.revocations.add(ids.map((id) => ({ kind: 'sid', id, expiresAt })))
}

/** Makes every access token of one user, or of all holders of a role, stale: a refresh replaces it. */
export async function revokeUserTokens(
  tx: Transaction,
  of: { id: string } | { role: string },
  now: number
): Promise<void> {
  const expiresAt = lastTokenExpiry(now)
  const bumped = await tx.users.bumpVersion(of)
  await tx.revocations.add(
    bumped.map(({ id, version }) => ({ kind: 'user', id, minVersion: version, expiresAt }))
  )
}

/** Refuses the access tokens of these clients that are below their `version`. */
export async function revokeClientTokens(
  tx: Transaction,
  clients: Pick<Client, 'id' | 'version'>[],
  now: number
): Promise<void> {
  const expiresAt = lastTokenExpiry(now)
  await tx.revocations.add(
    clients.map(({ id, version }) => ({ kind: 'client', id, minVersion: version, expiresAt }))
  )
}

/** Refuses one access token, by its `jti` (RFC 7009 §2.1). */
export async function revokeToken(tx: Transaction, jti: string, now: number): Promise<void> {
  await tx.revocations.add([{ kind: 'jti', id: jti, expiresAt: lastTokenExpiry(now) }])
}

/** Refuses everything that a signing key has signed or will sign. */
export async function revokeKey(tx: Transaction, kid: string): Promise<void> {
  await tx.revocations.add([{ kind: 'kid', id: kid, expiresAt: NEVER }])
}
