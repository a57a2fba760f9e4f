import { type Kysely, sql } from 'kysely'
import type { Revocation } from '../domain/revocations.ts'
import type { Revocations } from '../domain/store.ts'
import type { Tables } from './tables.ts'

const CHUNK = 500

export function createRevocations(db: Kysely<Tables>, record: (revoked: Revocation[]) => void): Revocations {
  return {
    async add(revocations, now) {
      for (let start = 0; start < revocations.length; start += CHUNK) {
        await db
          .insertInto('revocations')
          .values(revocations.slice(start, start + CHUNK).map((revocation) => toRow(revocation, now)))
          // A later transaction may carry the lower version: the higher one stands.
          .onConflict((conflict) =>
            conflict.columns(['kind', 'id']).doUpdateSet({
              min_version: sql`case when excluded.min_version < revocations.min_version
                then revocations.min_version else excluded.min_version end`,
              expires_at: sql`excluded.expires_at`,
              recorded_at: sql`excluded.recorded_at`
            })
          )
          .execute()
      }
      record(revocations)
    },

    async since(recordedAt) {
      const rows = await db
        .selectFrom('revocations')
        .selectAll()
        .where('recorded_at', '>=', recordedAt)
        .execute()
      return rows.map(toRevocation)
    }
  }
}

function toRow(revocation: Revocation, now: number): Tables['revocations'] {
  return {
    kind: revocation.kind,
    id: revocation.id,
    min_version: revocation.kind === 'user' ? revocation.minVersion : null,
    expires_at: revocation.expiresAt,
    recorded_at: now
  }
}

function toRevocation(row: Tables['revocations']): Revocation & { recordedAt: number } {
  const common = { id: row.id, expiresAt: row.expires_at, recordedAt: row.recorded_at }
  return row.kind === 'user'
    ? { kind: 'user', minVersion: row.min_version ?? 0, ...common }
    : { kind: row.kind as 'sid' | 'jti', ...common }
}
