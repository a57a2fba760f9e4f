import { type Kysely, sql } from 'kysely'
import type { OutboxEntry, OutboxRepository } from '../domain/model/outbox.ts'
import type { Store } from '../domain/model/store.ts'
import type { Tables } from './tables.ts'

export function createOutboxRepository(
  db: Kysely<Tables>,
  engine: Store['engine'],
  onInsert: () => void
): OutboxRepository {
  return {
    async insert({ id, kind, sealed, createdAt, dueAt }) {
      await db
        .insertInto('outbox')
        .values({ id, kind, sealed, created_at: createdAt, due_at: dueAt, attempts: 0 })
        .execute()
      onInsert()
    },

    async claim(now, until, limit) {
      const due = db
        .selectFrom('outbox')
        .select('id')
        .where('due_at', '<=', now)
        .orderBy('due_at')
        .orderBy('id')
        .limit(limit)
      // SQLite has one writer, which claims alone.
      const free = engine === 'postgres' ? due.forUpdate().skipLocked() : due
      const rows = await db
        .updateTable('outbox')
        .set({ due_at: until, attempts: sql`attempts + 1` })
        .where('id', 'in', free)
        .returningAll()
        .execute()
      return rows.map(toEntry)
    },

    async postpone(id, dueAt) {
      await db.updateTable('outbox').set({ due_at: dueAt }).where('id', '=', id).execute()
    },

    async remove(id) {
      await db.deleteFrom('outbox').where('id', '=', id).execute()
    },

    async count() {
      const { waiting } = await db
        .selectFrom('outbox')
        .select((columns) => columns.fn.countAll<number>().as('waiting'))
        .executeTakeFirstOrThrow()
      return Number(waiting)
    }
  }
}

function toEntry(row: Tables['outbox']): OutboxEntry {
  return {
    id: row.id,
    kind: row.kind,
    sealed: row.sealed,
    createdAt: row.created_at,
    dueAt: row.due_at,
    attempts: row.attempts
  }
}
