import type { Revocable, Standing } from './revocation-set.ts'

/** The algorithms of access tokens (RFC 7518 §3.1, RFC 8037 §3.1). */
export const ALGORITHMS = ['ES256', 'EdDSA', 'RS256'] as const

export type Algorithm = (typeof ALGORITHMS)[number]

/** A key that signs access tokens, as those see it who verify. */
export interface VerificationKey {
  kid: string
  algorithm: Algorithm
  publicPem: string
}

/** Where a verifier has its keys from: Gatehouse's own database, or its JWKS fetched from elsewhere. */
export interface KeySource {
  /** The key of this id, the same object each time; undefined where there is none, as far as is known now. */
  find(kid: string): VerificationKey | undefined
  /**
   * Looks for new keys, at most once in a while however often it is asked. Rejects with a Refusal `unavailable` where
   * nobody can say whether there are any.
   */
  refresh(): Promise<void>
}

/** Where a verifier knows from what was revoked. */
export interface RevocationSource {
  standingOf(claims: Revocable): Standing
  /** Whether a signing key was revoked: whatever it signed, and whenever, counts for nothing. */
  isKeyRevoked(kid: string): boolean
  /** False while nobody can say what was revoked lately: then no token is accepted. */
  isCurrent(): boolean
}
