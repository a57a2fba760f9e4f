import type { JWK } from 'jose'
import type { Clock } from '../clock.ts'
import { Problem } from '../errors.ts'
import { uuidv7 } from '../id.ts'
import type { DerivedKey } from '../keys/master-key.ts'
import { type AuditDetail, type AuditType, auditEvent } from '../model/audit.ts'
import type { Client, ClientSecret } from '../model/client.ts'
import type { Store, Transaction } from '../model/store.ts'
import { audiencesOf, DEFAULT_GRANTS } from '../oauth/grants.ts'
import { revokeClientTokens } from '../revocations/revoke.ts'
import { type Administrator, assertCanGive, assertCanManage } from '../roles/authority.ts'
import type { Config } from '../settings/config.ts'
import { hashClientSecret, isLive, makeClientSecret } from './secret.ts'

const LIVE_SECRETS = 2

export interface NewClient {
  name: string
  scope: string[]
  /** If empty, Gatehouse's own audience. */
  audiences: string[]
  /** `client_credentials` if left out. */
  grants?: string[] | undefined
  /** A client with keys gets no secret. */
  jwks: JWK[]
}

export interface ClientChange {
  name?: string | undefined
  scope?: string[] | undefined
  audiences?: string[] | undefined
  grants?: string[] | undefined
  disabled?: boolean | undefined
  jwks?: JWK[] | undefined
}

/** A new secret in plain text. Gatehouse shows it once. */
export interface MadeSecret {
  secret: string
  record: ClientSecret
}

export type ClientAdministration = ReturnType<typeof createClientAdministration>

/** Lets administrators manage machine clients. If a client loses a right, its tokens end within a second. */
export function createClientAdministration({
  store,
  clock,
  config,
  secretKeys
}: {
  store: Store
  clock: Clock
  config: Pick<Config, 'AUTH_AUDIENCE'>
  secretKeys: DerivedKey
}) {
  // Serialises administrators who change the same client at the same moment.
  function inTurn<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return store.transaction(async (tx) => {
      await tx.exclusive('clients')
      return work(tx)
    })
  }

  async function findManageable(tx: Transaction, id: string, administrator: Administrator): Promise<Client> {
    const client = await tx.clients.find(id)
    if (!client) throw new Problem('not_found')
    assertCanManage(administrator, client.scope)
    return client
  }

  async function addSecretWithin(
    tx: Transaction,
    client: Client,
    expiresAt: number | null
  ): Promise<MadeSecret> {
    const now = clock()
    const live = client.secrets.filter((secret) => isLive(secret, now))
    if (live.length >= LIVE_SECRETS) throw new Problem('too_many_secrets')
    const secret = makeClientSecret()
    const record = {
      id: uuidv7(),
      clientId: client.id,
      hash: hashClientSecret(secret, secretKeys.current),
      createdAt: now,
      expiresAt,
      lastUsedAt: null
    }
    await tx.clients.insertSecret(record)
    return { secret, record }
  }

  function note(
    tx: Transaction,
    type: AuditType,
    { caller }: Administrator,
    detail: AuditDetail
  ): Promise<void> {
    return tx.audit.append(auditEvent(type, caller, clock(), { detail }))
  }

  return {
    /** Creates a client and, unless it has keys, its first secret. Throws a Problem `forbidden`. */
    async create(
      input: NewClient,
      administrator: Administrator
    ): Promise<{ client: Client; made: MadeSecret | undefined }> {
      assertCanManage(administrator, input.scope)
      const client = {
        ...input,
        grants: input.grants ?? DEFAULT_GRANTS,
        id: uuidv7(),
        disabled: false,
        version: 1,
        createdAt: clock(),
        secrets: []
      }
      return store.transaction(async (tx) => {
        await tx.clients.insert(client)
        const made = input.jwks.length > 0 ? undefined : await addSecretWithin(tx, client, null)
        await note(tx, 'client.created', administrator, { clientId: client.id, scope: input.scope })
        return { client: { ...client, secrets: made ? [made.record] : [] }, made }
      })
    },

    /** Changes a client. Throws a Problem `not_found` or `forbidden`. */
    async change(id: string, change: ClientChange, administrator: Administrator): Promise<Client> {
      return inTurn(async (tx) => {
        const before = await findManageable(tx, id, administrator)
        assertCanGive(administrator, change.scope ?? [], id)
        const given = Object.entries(change).filter(([, value]) => value !== undefined)
        const client: Client = { ...before, ...Object.fromEntries(given), version: before.version + 1 }
        await tx.clients.update(client)
        if (endsTokens(before, client, config)) await revokeClientTokens(tx, [client], clock())
        await note(tx, 'client.changed', administrator, {
          clientId: id,
          changed: given.map(([name]) => name),
          scope: client.scope,
          disabled: client.disabled
        })
        return client
      })
    },

    /** Deletes a client and revokes its tokens. Throws a Problem `not_found` or `forbidden`. */
    async delete(id: string, administrator: Administrator): Promise<void> {
      await inTurn(async (tx) => {
        const client = await findManageable(tx, id, administrator)
        await tx.clients.delete(id)
        await revokeClientTokens(tx, [{ id, version: client.version + 1 }], clock())
        await note(tx, 'client.deleted', administrator, { clientId: id })
      })
    },

    /** Adds a second secret next to the one in use. Throws a Problem `not_found`, `too_many_secrets` or `forbidden`. */
    async addSecret(id: string, expiresAt: number | null, administrator: Administrator): Promise<MadeSecret> {
      return inTurn(async (tx) => {
        const client = await findManageable(tx, id, administrator)
        const made = await addSecretWithin(tx, client, expiresAt)
        await note(tx, 'client.secret_created', administrator, { clientId: id, secretId: made.record.id })
        return made
      })
    },

    /** Deletes a secret. Throws a Problem `not_found` or `forbidden`. */
    async deleteSecret(id: string, secretId: string, administrator: Administrator): Promise<void> {
      await inTurn(async (tx) => {
        await findManageable(tx, id, administrator)
        if (!(await tx.clients.deleteSecret(id, secretId))) throw new Problem('not_found')
        await note(tx, 'client.secret_deleted', administrator, { clientId: id, secretId })
      })
    }
  }
}

/** Returns whether an earlier token allows more than a new token would. */
function endsTokens(before: Client, after: Client, config: Pick<Config, 'AUTH_AUDIENCE'>): boolean {
  const audiences = audiencesOf(after, config)
  return (
    (after.disabled && !before.disabled) ||
    before.scope.some((token) => !after.scope.includes(token)) ||
    before.grants.some((grant) => !after.grants.includes(grant)) ||
    audiencesOf(before, config).some((audience) => !audiences.includes(audience))
  )
}
