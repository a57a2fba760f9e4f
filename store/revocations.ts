import { type Kysely, sql } from 'kysely'
import type { Revocation } from '../domain/revocations.ts'
import type { Revocations, Store } from '../domain/store.ts'
import type { Tables } from './tables.ts'

const CHUNK = 500
/** How far a reading goes back, in milliseconds: longer than a transaction may take from its entry to its commit. */
const OVERLAP = 10_000

/** The database's own clock, so that the clocks of those who write and those who read need not agree. */
const databaseTime = {
  sqlite: sql<number>`cast(unixepoch('subsec') * 1000 as integer)`,
  postgres: sql<number>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`
}

export function createRevocations(
  db: Kysely<Tables>,
  engine: Store['engine'],
  record: (revoked: Revocation[]) => void
): Revocations {
  const moment = databaseTime[engine]

  return {
    async add(revocations) {
      for (let start = 0; start < revocations.length; start += CHUNK) {
        const rows = revocations.slice(start, start + CHUNK).map(toRow)
        await db
          .insertInto('revocations')
          .values(rows.map((row) => ({ ...row, recorded_at: moment })))
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

    async since(from, now) {
      const { readAt } = await db.selectNoFrom(moment.as('readAt')).executeTakeFirstOrThrow()
      const rows = await db
        .selectFrom('revocations')
        .selectAll()
        .where('recorded_at', '>=', from - OVERLAP)
        .where('expires_at', '>', now)
        .execute()
      return { revocations: rows.map(toRevocation), readAt }
    }
  }
}

function toRow(revocation: Revocation): Omit<Tables['revocations'], 'recorded_at'> {
  return {
    kind: revocation.kind,
    id: revocation.id,
    min_version: revocation.kind === 'user' ? revocation.minVersion : null,
    expires_at: revocation.expiresAt
  }
}

function toRevocation({ kind, id, min_version, expires_at }: Tables['revocations']): Revocation {
  return kind === 'user'
    ? { kind, id, minVersion: min_version ?? 0, expiresAt: expires_at }
    : { kind: kind as 'sid' | 'jti', id, expiresAt: expires_at }
}
