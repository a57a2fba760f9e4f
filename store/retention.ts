import type { Kysely } from 'kysely'
import { DAY, HOUR } from '../domain/clock.ts'
import type { Tables } from './tables.ts'

/** Milliseconds for which rows stay after their end. */
const ENDED_SESSIONS_KEPT = 7 * DAY
const REVOCATIONS_KEPT = HOUR

/** Deletes the rows that no rule needs any more. Returns their number. */
export async function purge(db: Kysely<Tables>, now: number): Promise<number> {
  const done = await Promise.all([
    db
      .deleteFrom('sessions')
      .where('expires_at', '<', now - ENDED_SESSIONS_KEPT)
      .executeTakeFirst(),
    db
      .deleteFrom('sessions')
      .where('ended_at', '<', now - ENDED_SESSIONS_KEPT)
      .executeTakeFirst(),
    db
      .deleteFrom('revocations')
      .where('expires_at', '<', now - REVOCATIONS_KEPT)
      .executeTakeFirst(),
    db
      .deleteFrom('login_throttles')
      .where('forget_at', '<', now)
      .where('blocked_until', '<', now)
      .executeTakeFirst(),
    db
      .deleteFrom('blocked_logins')
      .where('unreported', '=', 0)
      .where('report_at', '<', now)
      .executeTakeFirst(),
    db.deleteFrom('one_time_tokens').where('expires_at', '<', now).executeTakeFirst(),
    db.deleteFrom('used_assertions').where('expires_at', '<', now).executeTakeFirst(),
    db.deleteFrom('client_secrets').where('expires_at', '<', now).executeTakeFirst()
  ])
  return done.reduce((total, { numDeletedRows }) => total + Number(numDeletedRows), 0)
}
