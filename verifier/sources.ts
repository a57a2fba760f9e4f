import type { Revocable, TokenStatus } from './revocation-set.ts'

/** The algorithms of access tokens (RFC 7518 §3.1, RFC 8037 §3.1). */
export const ALGORITHMS = ['ES256', 'EdDSA', 'RS256'] as const

export type Algorithm = (typeof ALGORITHMS)[number]

/** The public half of a signing key, for verification. */
export interface VerificationKey {
  kid: string
  algorithm: Algorithm
  publicPem: string
}

/** Where a verifier gets its keys: from Gatehouse's own database, or from its JWKS. */
export interface KeySource {
  /** Returns the key of this id, the same object each time; undefined if the source does not know it. */
  find(kid: string): VerificationKey | undefined
  /**
   * Looks for new keys. Limits by itself how often it does so. Rejects with a Refusal `unavailable` if the source cannot be
   * reached.
   */
  refresh(): Promise<void>
}

/** Where a verifier learns what was revoked. */
export interface RevocationSource {
  statusOf(claims: Revocable): TokenStatus
  /** Tells whether a signing key was revoked. No token that it signed is valid, from any time. */
  isKeyRevoked(kid: string): boolean
  /** Tells whether the source knows the latest revocations. While it does not, no token is accepted. */
  isCurrent(): boolean
}
