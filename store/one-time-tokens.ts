import type { Kysely } from 'kysely'
import type { OneTimeTokenRepository } from '../domain/model/one-time-token.ts'
import { USER_ROLE } from '../domain/roles/scopes.ts'
import type { Tables } from './tables.ts'

export function createOneTimeTokenRepository(db: Kysely<Tables>): OneTimeTokenRepository {
  return {
    async insert({ hash, purpose, userId, expiresAt }) {
      await db
        .insertInto('one_time_tokens')
        .values({ hash, purpose, user_id: userId, expires_at: expiresAt })
        .execute()
    },

    async find(hash, purpose, now) {
      const row = await db
        .selectFrom('one_time_tokens')
        .selectAll()
        .where('hash', '=', hash)
        .where('purpose', '=', purpose)
        .where('expires_at', '>', now)
        .executeTakeFirst()
      return (
        row && {
          hash,
          purpose: row.purpose,
          userId: row.user_id,
          expiresAt: row.expires_at
        }
      )
    },

    async consume(hash, purpose, now) {
      const { numDeletedRows } = await db
        .deleteFrom('one_time_tokens')
        .where('hash', '=', hash)
        .where('purpose', '=', purpose)
        .where('expires_at', '>', now)
        .executeTakeFirst()
      return numDeletedRows === 1n
    },

    async withdrawAll() {
      await db.deleteFrom('one_time_tokens').execute()
    },

    async withdrawFromHolders(purpose, role) {
      const tokens = db.deleteFrom('one_time_tokens').where('purpose', '=', purpose)
      const holders = db.selectFrom('user_roles').select('user_id').where('role_name', '=', role)
      await (role === USER_ROLE ? tokens : tokens.where('user_id', 'in', holders)).execute()
    },

    async withdraw(purpose, userId) {
      await db
        .deleteFrom('one_time_tokens')
        .where('purpose', '=', purpose)
        .where('user_id', userId === null ? 'is' : '=', userId)
        .execute()
    }
  }
}
