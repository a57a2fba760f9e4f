import { toIso } from '../../domain/clock.ts'
import type { Client, ClientSecret } from '../../domain/model/store.ts'
import type { ClientSecretView, ClientView } from '../../schemas/client.ts'

/** Shows a client without any hash. `audiences` are those in force. */
export function clientView(client: Client, audiences: string[]): ClientView {
  const { id, name, scope, grants, disabled, jwks, createdAt, secrets } = client
  return {
    id,
    name,
    scope: scope.join(' '),
    audiences,
    grants,
    disabled,
    jwks: { keys: jwks as ClientView['jwks']['keys'] },
    createdAt: toIso(createdAt),
    secrets: secrets.map(clientSecretView)
  }
}

export function clientSecretView({ id, createdAt, expiresAt, lastUsedAt }: ClientSecret): ClientSecretView {
  return {
    id,
    createdAt: toIso(createdAt),
    expiresAt: expiresAt === null ? null : toIso(expiresAt),
    lastUsedAt: lastUsedAt === null ? null : toIso(lastUsedAt)
  }
}
