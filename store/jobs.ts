import type { Kysely } from 'kysely'
import type { JobRepository } from '../domain/model/job.ts'
import type { Tables } from './tables.ts'

export function createJobRepository(db: Kysely<Tables>): JobRepository {
  return {
    async claim(name, now, dueAgainAt) {
      const claimed = await db
        .insertInto('jobs')
        .values({ name, due_at: dueAgainAt })
        .onConflict((conflict) =>
          conflict.column('name').doUpdateSet({ due_at: dueAgainAt }).where('jobs.due_at', '<=', now)
        )
        .returning('name')
        .executeTakeFirst()
      return claimed !== undefined
    }
  }
}
