import { type Kysely, type Selectable, sql } from 'kysely'
import type { Revocations, Store } from '../domain/store.ts'
import type { Revocation } from '../verifier/revocation-set.ts'
import type { Tables } from './tables.ts'

const CHUNK = 500

/** The position from which on a later reading may find something: everything before it is decided and visible. */
const nextPosition = {
  sqlite: sql<number>`coalesce((select seq from sqlite_sequence where name = 'revocations'), 0) + 1`,
  postgres: sql<number>`pg_snapshot_xmin(pg_current_snapshot())::text::bigint`
}

export function createRevocations(
  db: Kysely<Tables>,
  engine: Store['engine'],
  record: (revoked: Revocation[]) => void
): Revocations {
  return {
    async add(revocations) {
      for (let start = 0; start < revocations.length; start += CHUNK) {
        const rows = revocations.slice(start, start + CHUNK).map(toRow)
        await db.insertInto('revocations').values(rows).execute()
      }
      record(revocations)
    },

    async since(position, now) {
      // Before the rows: what is decided in between is read now, and again the next time.
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
      : { kind: kind as 'sid' | 'jti' | 'kid', id, expiresAt }
  return { position, revocation }
}
