import type { Kysely } from 'kysely'
import type { AuditEvent, AuditRepository } from '../domain/model/audit.ts'
import type { Tables } from './tables.ts'

export function createAuditRepository(
  db: Kysely<Tables>,
  record: (event: AuditEvent) => void
): AuditRepository {
  async function appendAll(events: AuditEvent[]): Promise<void> {
    if (events.length === 0) return
    await db.insertInto('audit_events').values(events.map(toRow)).execute()
    for (const event of events) record(event)
  }

  return {
    append: (event) => appendAll([event]),

    appendAll,

    async list({ limit, after, type, userId, actorId, onBehalfOf, from, to, oldestFirst }) {
      const order = oldestFirst ? 'asc' : 'desc'
      let query = db.selectFrom('audit_events').selectAll().orderBy('id', order).limit(limit)
      if (after !== undefined) query = query.where('id', oldestFirst ? '>' : '<', after)
      if (type !== undefined) query = query.where('type', '=', type)
      if (userId !== undefined) query = query.where('user_id', '=', userId)
      if (actorId !== undefined) query = query.where('actor_id', '=', actorId)
      if (onBehalfOf !== undefined) query = query.where('on_behalf_of', '=', onBehalfOf)
      if (from !== undefined) query = query.where('at', '>=', from)
      if (to !== undefined) query = query.where('at', '<', to)
      return (await query.execute()).map(toEvent)
    },

    async removeOldest({ before, limit, after }) {
      const rows = await db
        .selectFrom('audit_events')
        .select('id')
        .where('id', '>', after)
        .orderBy('id')
        .limit(limit)
        .execute()
      const ids = rows.map(({ id }) => id)
      if (ids.length === 0) return { removed: 0 }
      const { numDeletedRows } = await db
        .deleteFrom('audit_events')
        .where('id', 'in', ids)
        .where('at', '<', before)
        .executeTakeFirst()
      return { removed: Number(numDeletedRows), last: ids.at(-1) as string }
    }
  }
}

function toRow(event: AuditEvent): Tables['audit_events'] {
  return {
    id: event.id,
    at: event.at,
    type: event.type,
    actor_id: event.actorId,
    on_behalf_of: event.onBehalfOf,
    user_id: event.userId,
    session_id: event.sessionId,
    ip: event.ip,
    user_agent: event.userAgent,
    request_id: event.requestId,
    detail: JSON.stringify(event.detail)
  }
}

function toEvent(row: Tables['audit_events']): AuditEvent {
  return {
    id: row.id,
    at: row.at,
    type: row.type,
    actorId: row.actor_id,
    onBehalfOf: row.on_behalf_of,
    userId: row.user_id,
    sessionId: row.session_id,
    ip: row.ip,
    userAgent: row.user_agent,
    requestId: row.request_id,
    detail: JSON.parse(row.detail)
  }
}
