import { type Kysely, type RawBuilder, sql } from 'kysely'
import { DAY, HOUR } from '../domain/clock.ts'
import type { Tables } from './tables.ts'

/** Milliseconds for which rows stay after their end. */
const ENDED_SESSIONS_KEPT = 7 * DAY
const REVOCATIONS_KEPT = HOUR

/** A table, the columns of its key, and the rows that no rule needs any more. */
type Removable = [table: keyof Tables, key: string, isOver: RawBuilder<boolean>]

const removables = (now: number): Removable[] => [
  ['sessions', 'id', sql`expires_at < ${now - ENDED_SESSIONS_KEPT}`],
  ['sessions', 'id', sql`ended_at < ${now - ENDED_SESSIONS_KEPT}`],
  ['revocations', 'position', sql`expires_at < ${now - REVOCATIONS_KEPT}`],
  ['login_throttles', 'key', sql`forget_at < ${now} and blocked_until < ${now}`],
  ['blocked_logins', 'account', sql`unreported = 0 and report_at < ${now}`],
  ['one_time_tokens', 'hash', sql`expires_at < ${now}`],
  ['used_assertions', 'client_id, jti', sql`expires_at < ${now}`],
  ['client_secrets', 'id', sql`expires_at < ${now}`]
]

/** Deletes rows that no rule needs any more: up to `atMost` of each kind, one statement after the other. Returns their number. */
export async function purge(db: Kysely<Tables>, now: number, atMost: number): Promise<number> {
  let removed = 0
  for (const [name, columns, isOver] of removables(now)) {
    const [table, key] = [sql.table(name), sql.raw(columns)]
    // Checked again outside, because another transaction may have renewed the row in the meantime.
    const { numAffectedRows = 0n } = await sql`delete from ${table}
      where (${key}) in (select ${key} from ${table} where ${isOver} limit ${atMost}) and ${isOver}`.execute(
      db
    )
    removed += Number(numAffectedRows)
  }
  return removed
}
