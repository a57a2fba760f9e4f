import type { Algorithm } from '../../verifier/sources.ts'

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

export interface SigningKeyRepository {
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
