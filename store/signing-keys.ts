import type { Kysely } from 'kysely'
import type { SigningKeyRepository } from '../domain/model/signing-key.ts'
import type { Tables } from './tables.ts'

export function createSigningKeyRepository(db: Kysely<Tables>): SigningKeyRepository {
  return {
    async list() {
      const rows = await db
        .selectFrom('signing_keys')
        .selectAll()
        .orderBy('activates_at')
        .orderBy('kid')
        .execute()
      return rows.map((row) => ({
        kid: row.kid,
        algorithm: row.algorithm,
        publicPem: row.public_pem,
        sealedPrivateKey: row.sealed_private_key,
        imported: row.imported === 1,
        createdAt: row.created_at,
        activatesAt: row.activates_at
      }))
    },

    async insert(key) {
      await db
        .insertInto('signing_keys')
        .values({
          kid: key.kid,
          algorithm: key.algorithm,
          public_pem: key.publicPem,
          sealed_private_key: key.sealedPrivateKey,
          imported: key.imported ? 1 : 0,
          created_at: key.createdAt,
          activates_at: key.activatesAt
        })
        .execute()
    },

    async activate(kid, activatesAt) {
      await db.updateTable('signing_keys').set({ activates_at: activatesAt }).where('kid', '=', kid).execute()
    },

    async reseal(kid, expected, sealed) {
      await db
        .updateTable('signing_keys')
        .set({ sealed_private_key: sealed })
        .where('kid', '=', kid)
        .where('sealed_private_key', '=', expected)
        .execute()
    },

    async delete(kid) {
      await db.deleteFrom('signing_keys').where('kid', '=', kid).execute()
    },

    async isRevoked(kid) {
      const row = await db
        .selectFrom('revocations')
        .select('id')
        .where('kind', '=', 'kid')
        .where('id', '=', kid)
        .executeTakeFirst()
      return row !== undefined
    }
  }
}
