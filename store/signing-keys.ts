import type { Kysely } from 'kysely'
import type { SigningKey, SigningKeys } from '../domain/store.ts'
import type { Tables } from './tables.ts'

export function createSigningKeys(db: Kysely<Tables>): SigningKeys {
  return {
    async list() {
      const rows = await db.selectFrom('signing_keys').selectAll().orderBy('created_at').execute()
      return rows.map((row) => ({
        kid: row.kid,
        algorithm: row.algorithm as SigningKey['algorithm'],
        status: row.status as SigningKey['status'],
        publicPem: row.public_pem,
        sealedPrivateKey: row.sealed_private_key,
        createdAt: row.created_at
      }))
    },

    async activate(key, replaced) {
      const active = await db
        .selectFrom('signing_keys')
        .select('kid')
        .where('status', '=', 'active')
        .execute()
      if (active[0]?.kid !== replaced) return false
      await db.updateTable('signing_keys').set({ status: 'retired' }).where('status', '=', 'active').execute()
      await db
        .insertInto('signing_keys')
        .values({
          kid: key.kid,
          algorithm: key.algorithm,
          status: key.status,
          public_pem: key.publicPem,
          sealed_private_key: key.sealedPrivateKey,
          created_at: key.createdAt
        })
        .execute()
      return true
    }
  }
}
