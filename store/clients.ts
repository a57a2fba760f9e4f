import type { Kysely } from 'kysely'
import type { Client, ClientRepository, ClientSecret } from '../domain/model/client.ts'
import type { Tables } from './tables.ts'

export function createClientRepository(db: Kysely<Tables>): ClientRepository {
  async function withSecrets(rows: Tables['clients'][]): Promise<Client[]> {
    if (rows.length === 0) return []
    const secrets = await db
      .selectFrom('client_secrets')
      .selectAll()
      .where(
        'client_id',
        'in',
        rows.map(({ id }) => id)
      )
      .orderBy('id')
      .execute()
    return rows.map((row) =>
      toClient(row, secrets.filter(({ client_id }) => client_id === row.id).map(toSecret))
    )
  }

  return {
    async list({ limit, after }) {
      let query = db.selectFrom('clients').selectAll().orderBy('id').limit(limit)
      if (after !== undefined) query = query.where('id', '>', after)
      return withSecrets(await query.execute())
    },

    async find(id) {
      const [client] = await withSecrets(
        await db.selectFrom('clients').selectAll().where('id', '=', id).execute()
      )
      return client
    },

    async existing(ids) {
      if (ids.length === 0) return []
      const rows = await db.selectFrom('clients').select('id').where('id', 'in', ids).execute()
      return rows.map(({ id }) => id)
    },

    async insert(client) {
      await db.insertInto('clients').values(toRow(client)).execute()
    },

    async update(client) {
      await db.updateTable('clients').set(toRow(client)).where('id', '=', client.id).execute()
    },

    async raiseVersions(least, atMost) {
      const lower = db.selectFrom('clients').select('id').where('version', '<', least).limit(atMost)
      const rows = await db
        .updateTable('clients')
        .set({ version: least })
        .where('id', 'in', lower)
        .returning('id')
        .execute()
      return rows.map(({ id }) => id)
    },

    async delete(id) {
      await db.deleteFrom('clients').where('id', '=', id).execute()
    },

    async insertSecret({ id, clientId, hash, createdAt, expiresAt, lastUsedAt }) {
      await db
        .insertInto('client_secrets')
        .values({
          id,
          client_id: clientId,
          hash,
          created_at: createdAt,
          expires_at: expiresAt,
          last_used_at: lastUsedAt
        })
        .execute()
    },

    async deleteSecret(clientId, secretId) {
      const { numDeletedRows } = await db
        .deleteFrom('client_secrets')
        .where('client_id', '=', clientId)
        .where('id', '=', secretId)
        .executeTakeFirst()
      return numDeletedRows === 1n
    },

    async recordSecretUse(secretId, hash, now) {
      await db
        .updateTable('client_secrets')
        .set({ hash, last_used_at: now })
        .where('id', '=', secretId)
        .execute()
    },

    async useAssertion(clientId, jti, expiresAt) {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('used_assertions')
        .values({ client_id: clientId, jti, expires_at: expiresAt })
        .onConflict((conflict) => conflict.columns(['client_id', 'jti']).doNothing())
        .executeTakeFirst()
      return numInsertedOrUpdatedRows === 1n
    }
  }
}

function toRow(client: Omit<Client, 'secrets'>): Tables['clients'] {
  return {
    id: client.id,
    name: client.name,
    scope: client.scope.join(' '),
    audiences: client.audiences.join(' '),
    grants: client.grants.join(' '),
    disabled: Number(client.disabled),
    version: client.version,
    jwks: JSON.stringify(client.jwks),
    created_at: client.createdAt
  }
}

function toClient(row: Tables['clients'], secrets: ClientSecret[]): Client {
  return {
    id: row.id,
    name: row.name,
    scope: listOf(row.scope),
    audiences: listOf(row.audiences),
    grants: listOf(row.grants),
    disabled: row.disabled === 1,
    version: row.version,
    jwks: JSON.parse(row.jwks),
    createdAt: row.created_at,
    secrets
  }
}

function toSecret(row: Tables['client_secrets']): ClientSecret {
  return {
    id: row.id,
    clientId: row.client_id,
    hash: row.hash,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at
  }
}

function listOf(text: string): string[] {
  return text === '' ? [] : text.split(' ')
}
