import type { Kysely, Selectable } from 'kysely'
import { CODE_TRIES, type OneTimeToken, type OneTimeTokenRepository } from '../domain/model/one-time-token.ts'
import { USER_ROLE } from '../domain/roles/scopes.ts'
import type { Tables } from './tables.ts'

export function createOneTimeTokenRepository(db: Kysely<Tables>): OneTimeTokenRepository {
  return {
    async insert({ hash, purpose, userId, expiresAt, email, browserHash, codeHash }) {
      await db
        .insertInto('one_time_tokens')
        .values({
          hash,
          purpose,
          user_id: userId,
          expires_at: expiresAt,
          email,
          browser_hash: browserHash,
          code_hash: codeHash
        })
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
      return row && toToken(row)
    },

    async tryCode(browserHash, purpose, now) {
      const rows = await db
        .updateTable('one_time_tokens')
        .set((columns) => ({ code_tries: columns('code_tries', '+', 1) }))
        .where('browser_hash', '=', browserHash)
        .where('purpose', '=', purpose)
        .where('expires_at', '>', now)
        .where('code_tries', '<', CODE_TRIES)
        .returningAll()
        .execute()
      return rows.map(toToken)
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

function toToken(row: Selectable<Tables['one_time_tokens']>): OneTimeToken {
  return {
    hash: row.hash,
    purpose: row.purpose,
    userId: row.user_id,
    expiresAt: row.expires_at,
    email: row.email,
    browserHash: row.browser_hash,
    codeHash: row.code_hash
  }
}
