import { type Kysely, type RawBuilder, sql } from 'kysely'
import { MINUTE } from '../domain/clock.ts'
import type { ThrottlePolicy, ThrottleRepository } from '../domain/model/throttle.ts'
import type { Tables } from './tables.ts'

/** Milliseconds by which the clocks of two instances may differ. A row from a later time was written before a clock was set back. */
const CLOCK_SKEW = MINUTE

export function createThrottleRepository(db: Kysely<Tables>): ThrottleRepository {
  /** Returns the longest wait for any of these counts, in milliseconds. */
  async function waitOf(keys: string[], now: number): Promise<number> {
    const row = await db
      .selectFrom('login_throttles')
      .select((columns) => columns.fn.max('blocked_until').as('until'))
      .where('key', 'in', keys)
      .where('last_try_at', '<=', now + CLOCK_SKEW)
      .executeTakeFirst()
    return Math.max(1, (row?.until ?? now) - now)
  }

  return {
    async reserve({ key, account }, policy, now, unlessBlocked) {
      const time = sql<number>`cast(${now} as bigint)`
      const later = sql<number>`cast(${now + policy.keep} as bigint)`
      const isFree = sql<boolean>`(login_throttles.blocked_until <= ${now} or login_throttles.last_try_at > ${now + CLOCK_SKEW})`
      const tries = sql<number>`(case when login_throttles.forget_at <= ${now} then 1 else login_throttles.tries + 1 end)`
      const forgetAt =
        policy.keepSince === 'last'
          ? later
          : sql<number>`(case when login_throttles.forget_at > ${now} and login_throttles.forget_at < ${later}
              then login_throttles.forget_at else ${later} end)`

      const { rows } = await sql<{ tries: number }>`
        insert into login_throttles (key, account, tries, blocked_until, last_try_at, forget_at)
        select cast(${key} as text), cast(${account} as text), 1, ${time} + ${delayAfter(sql`1`, policy)}, ${time}, ${later}
        where not exists (select 1 from login_throttles as other where other.key = ${unlessBlocked ?? ''}
          and other.blocked_until > ${now} and other.last_try_at <= ${now + CLOCK_SKEW})
        on conflict (key) do update set
          account = excluded.account,
          tries = ${tries},
          blocked_until = ${time} + ${delayAfter(tries, policy)},
          last_try_at = ${time},
          forget_at = ${forgetAt}
        where ${isFree}
        returning tries`.execute(db)
      if (rows.length > 0) return { wait: 0 }
      return { wait: await waitOf(unlessBlocked === undefined ? [key] : [key, unlessBlocked], now) }
    },

    async clear(keys) {
      await db.deleteFrom('login_throttles').where('key', 'in', keys).execute()
    },

    async clearAccount(account) {
      await db.deleteFrom('login_throttles').where('account', '=', account).execute()
    },

    async countBlocked({ account, userId, ip, tries }, interval, now) {
      const { numUpdatedRows } = await db
        .updateTable('blocked_logins')
        .set((columns) => ({ unreported: columns('unreported', '+', tries), user_id: userId, ip }))
        .where('account', '=', account)
        .where('report_at', '>', now)
        .where('report_at', '<=', now + interval)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },

    async recordBlocked({ account, userId, ip, tries }, interval, now) {
      const isDue = sql<boolean>`(blocked_logins.report_at <= ${now} or blocked_logins.report_at > ${now + interval})`
      const all = sql<number>`blocked_logins.unreported + cast(${tries} as integer)`
      const row = await db
        .insertInto('blocked_logins')
        .values({ account, user_id: userId, ip, unreported: 0, reported: tries, report_at: now + interval })
        .onConflict((conflict) =>
          conflict.column('account').doUpdateSet({
            user_id: userId,
            ip,
            unreported: sql`case when ${isDue} then 0 else ${all} end`,
            reported: sql`case when ${isDue} then ${all} else 0 end`,
            report_at: sql`case when ${isDue} then cast(${now + interval} as bigint) else blocked_logins.report_at end`
          })
        )
        .returning('reported')
        .executeTakeFirstOrThrow()
      return row.reported
    },

    async takeBlocked(limit, interval, now) {
      const isDue = sql<boolean>`(unreported > 0 and (report_at <= ${now} or report_at > ${now + interval}))`
      const rows = await db
        .updateTable('blocked_logins')
        .set({ reported: sql`unreported`, unreported: 0, report_at: now + interval })
        .where('account', 'in', db.selectFrom('blocked_logins').select('account').where(isDue).limit(limit))
        // PostgreSQL checks this again for each row, because another instance may have taken it in the meantime.
        .where(isDue)
        .returning(['user_id', 'ip', 'reported'])
        .execute()
      return rows.map(({ user_id, ip, reported }) => ({ userId: user_id, ip, count: reported }))
    }
  }
}

/** Computes the delay after a try, by its number. A try counts before it ends, so that parallel tries count, too. */
function delayAfter(
  count: RawBuilder<unknown>,
  { limit, firstDelay, delays, rest }: ThrottlePolicy
): RawBuilder<number> {
  return sql<number>`(case
    when ${count} < ${limit} then 0
    when ${count} >= ${limit + delays} then cast(${rest} as bigint)
    else cast(${firstDelay} as integer) << cast(${count} - ${limit} as integer) end)`
}
