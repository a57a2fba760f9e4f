import { type Kysely, type Selectable, sql } from 'kysely'
import { HOUR } from '../domain/clock.ts'
import type { RevocationRepository } from '../domain/model/revocation.ts'
import type { Store } from '../domain/model/store.ts'
import type { Revocation } from '../verifier/revocation-set.ts'
import type { Tables } from './tables.ts'

const CHUNK = 500

/** The position from which the next reading starts. Every transaction before it has ended, and its rows are visible. */
const nextPosition = {
  sqlite: sql<number>`coalesce((select seq from sqlite_sequence where name = 'revocations'), 0) + 1`,
  postgres: sql<number>`pg_snapshot_xmin(pg_current_snapshot())::text::bigint`
}

export function createRevocationRepository(
  db: Kysely<Tables>,
  engine: Store['engine'],
  record: (revoked: Revocation[]) => void
): RevocationRepository {
  return {
    async add(revocations) {
      for (let start = 0; start < revocations.length; start += CHUNK) {
        const rows = revocations.slice(start, start + CHUNK).map(toRow)
        await db.insertInto('revocations').values(rows).execute()
      }
      for (const kind of ['user', 'client'] as const) await removeReplaced(db, kind, revocations)
      record(revocations)
    },

    async since(position, now) {
      // Reads the position before the rows. Rows that are committed in between are read twice, and none is missed.
      const { next } = await db.selectNoFrom(nextPosition[engine].as('next')).executeTakeFirstOrThrow()
      const rows = await db
        .selectFrom('revocations')
        .selectAll()
        .where('position', '>=', position)
        .where('expires_at', '>', now)
        .execute()
      return { entries: rows.map(toEntry), next }
    }
  }
}

// If the version of a subject rose again, its last entry is enough: readers find it from any position. Entries that expire soon
// are left to the purge, which may be removing them at the same time.
async function removeReplaced(
  db: Kysely<Tables>,
  kind: 'user' | 'client',
  revocations: Revocation[]
): Promise<void> {
  const ids = revocations.flatMap((revocation) => (revocation.kind === kind ? [revocation.id] : []))
  for (let start = 0; start < ids.length; start += CHUNK) {
    await db
      .deleteFrom('revocations')
      .where('kind', '=', kind)
      .where('id', 'in', ids.slice(start, start + CHUNK))
      .where(({ exists, selectFrom }) =>
        exists(
          selectFrom('revocations as later')
            .select('later.id')
            .whereRef('later.kind', '=', 'revocations.kind')
            .whereRef('later.id', '=', 'revocations.id')
            .whereRef('later.min_version', '>', 'revocations.min_version')
            .where(sql<boolean>`later.expires_at < revocations.expires_at + ${HOUR}`)
        )
      )
      .execute()
  }
}

function toRow(revocation: Revocation) {
  return {
    kind: revocation.kind,
    id: revocation.id,
    min_version: 'minVersion' in revocation ? revocation.minVersion : null,
    expires_at: revocation.expiresAt
  }
}

function toEntry({
  position,
  kind,
  id,
  min_version,
  expires_at: expiresAt
}: Selectable<Tables['revocations']>) {
  const revocation: Revocation =
    kind === 'user' || kind === 'client'
      ? { kind, id, minVersion: min_version ?? 0, expiresAt }
      : { kind, id, expiresAt }
  return { position, revocation }
}
