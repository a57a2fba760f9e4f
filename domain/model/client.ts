import type { JWK } from 'jose'
import type { Page } from './page.ts'

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

export interface ClientRepository {
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
