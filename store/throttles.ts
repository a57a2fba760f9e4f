import { type Kysely, sql } from 'kysely'
import type { Throttles } from '../domain/store.ts'
import type { Tables } from './tables.ts'

export function createThrottles(db: Kysely<Tables>): Throttles {
  return {
    async reserve(key, { limit, firstDelay, doublings, forgetAfter }, now) {
      const time = sql<number>`cast(${now} as bigint)`
      const tries = sql<number>`(case when login_throttles.last_try_at < ${now - forgetAfter}
        then 1 else login_throttles.tries + 1 end)`
      // From the limit on each try buys the next delay before it is known how it ends: parallel tries count, too.
      const delayAfter = (count: typeof tries) => sql<number>`(case
        when ${count} < ${limit} then 0
        when ${count} >= ${limit + doublings} then ${firstDelay * 2 ** doublings}
        else cast(${firstDelay} as integer) << (${count} - ${limit}) end)`

      const row = await db
        .insertInto('login_throttles')
        .values({ key, tries: 1, blocked_until: limit > 1 ? now : now + firstDelay, last_try_at: now })
        .onConflict((conflict) =>
          conflict
            .column('key')
            .doUpdateSet({
              tries,
              blocked_until: sql`${time} + ${delayAfter(tries)}`,
              last_try_at: now
            })
            .where('login_throttles.blocked_until', '<=', now)
        )
        .returning('tries')
        .executeTakeFirst()
      if (row) return { wait: 0 }

      const blocked = await db
        .selectFrom('login_throttles')
        .select('blocked_until')
        .where('key', '=', key)
        .executeTakeFirst()
      return { wait: Math.max(1, (blocked?.blocked_until ?? now) - now) }
    },

    async clear(key) {
      await db.deleteFrom('login_throttles').where('key', '=', key).execute()
    }
  }
}
