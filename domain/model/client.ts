import type { JWK } from 'jose'
import type { Page } from './page.ts'

/** A machine that authenticates as itself (RFC 6749 §2). */
export interface Client {
  id: string
  name: string
  /** Scope that it may request: sorted, without duplicates. */
  scope: string[]
  /** Services for which it may get tokens. */
  audiences: string[]
  /** The `grant_type` values that the token endpoint accepts from it (RFC 6749 §5.2, `unauthorized_client`). */
  grants: string[]
  disabled: boolean
  /** The `client_ver` claim: it rises with every change that ends its tokens. */
  version: number
  /** Public keys that verify its assertions (RFC 7523); empty if it uses secrets only. */
  jwks: JWK[]
  createdAt: number
  secrets: ClientSecret[]
}

/** A client's secret, stored as a keyed hash. */
export interface ClientSecret {
  id: string
  clientId: string
  hash: string
  createdAt: number
  expiresAt: number | null
  /** Exact to about a minute. */
  lastUsedAt: number | null
}

export interface ClientRepository {
  /** In order of creation. */
  list(page: Page): Promise<Client[]>
  find(id: string): Promise<Client | undefined>
  /** Returns those of the ids that are ids of clients. */
  existing(ids: string[]): Promise<string[]>
  insert(client: Omit<Client, 'secrets'>): Promise<void>
  /** Replaces everything but its secrets. */
  update(client: Omit<Client, 'secrets'>): Promise<void>
  /** Raises versions below `least` to `least`, for `atMost` clients. Returns their ids. */
  raiseVersions(least: number, atMost: number): Promise<string[]>
  delete(id: string): Promise<void>
  insertSecret(secret: ClientSecret): Promise<void>
  /** Returns false if there is no such secret. */
  deleteSecret(clientId: string, secretId: string): Promise<boolean>
  recordSecretUse(secretId: string, hash: string, now: number): Promise<void>
  /** Atomic: returns true for the first use of this assertion of this client. */
  useAssertion(clientId: string, jti: string, expiresAt: number): Promise<boolean>
}
