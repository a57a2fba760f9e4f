import type { Kysely } from 'kysely'
import type { Session, SessionRepository } from '../domain/model/session.ts'
import type { Tables } from './tables.ts'

type Row = Tables['sessions']

export function createSessionRepository(db: Kysely<Tables>): SessionRepository {
  const living = (now: number) =>
    db
      .updateTable('sessions')
      .where('ended_at', 'is', null)
      .where('idle_expires_at', '>', now)
      .where('expires_at', '>', now)

  return {
    async insert(session) {
      await db
        .insertInto('sessions')
        .values({
          id: session.id,
          user_id: session.userId,
          seed: session.seed,
          generation: session.generation,
          handover: session.handover,
          remember: Number(session.remember),
          created_at: session.createdAt,
          auth_time: session.authTime,
          last_used_at: session.lastUsedAt,
          idle_expires_at: session.idleExpiresAt,
          expires_at: session.expiresAt,
          ended_at: null,
          ended_reason: null,
          ip: session.ip,
          user_agent: session.userAgent
        })
        .execute()
    },

    async find(id) {
      const row = await db.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst()
      return row && toSession(row)
    },

    async listLive(userId, now, { limit, after }) {
      let query = db
        .selectFrom('sessions')
        .selectAll()
        .where('user_id', '=', userId)
        .where('ended_at', 'is', null)
        .where('idle_expires_at', '>', now)
        .where('expires_at', '>', now)
        .orderBy('id')
        .limit(limit)
      if (after !== undefined) query = query.where('id', '>', after)
      return (await query.execute()).map(toSession)
    },

    async rotate(id, generation, { lastUsedAt, idleExpiresAt, ip, userAgent }) {
      const row = await living(lastUsedAt)
        .set({
          generation: generation + 1,
          handover: 'unseen',
          last_used_at: lastUsedAt,
          idle_expires_at: idleExpiresAt,
          ip,
          user_agent: userAgent
        })
        .where('id', '=', id)
        .where('generation', '=', generation)
        .returningAll()
        .executeTakeFirst()
      return row && toSession(row)
    },

    async renew(id, now) {
      const row = await living(now)
        .set((columns) => ({
          auth_time: now,
          last_used_at: now,
          generation: columns('generation', '+', 1),
          handover: 'withheld'
        }))
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst()
      return row && toSession(row)
    },

    async confirm(id, generation) {
      await db
        .updateTable('sessions')
        .set({ handover: 'seen' })
        .where('id', '=', id)
        .where('generation', '=', generation)
        .where('handover', '=', 'unseen')
        .execute()
    },

    async end(id, reason, now) {
      const { numUpdatedRows } = await db
        .updateTable('sessions')
        .set({ ended_at: now, ended_reason: reason })
        .where('id', '=', id)
        .where('ended_at', 'is', null)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },

    async endAll(userId, reason, now, except) {
      let query = db
        .updateTable('sessions')
        .set({ ended_at: now, ended_reason: reason })
        .where('user_id', '=', userId)
        .where('ended_at', 'is', null)
        .returning('id')
      if (except !== undefined) query = query.where('id', '!=', except)
      return (await query.execute()).map(({ id }) => id)
    },

    async endSome(limit, reason, now) {
      const some = db
        .selectFrom('sessions')
        .select('id')
        .where('ended_at', 'is', null)
        .where('idle_expires_at', '>', now)
        .where('expires_at', '>', now)
        .where('created_at', '<=', now)
        .limit(limit)
      const rows = await living(now)
        .set({ ended_at: now, ended_reason: reason })
        .where('id', 'in', some)
        .returning('id')
        .execute()
      return rows.map(({ id }) => id)
    }
  }
}

function toSession(row: Row): Session {
  return {
    id: row.id,
    userId: row.user_id,
    seed: row.seed,
    generation: row.generation,
    handover: row.handover,
    remember: row.remember === 1,
    createdAt: row.created_at,
    authTime: row.auth_time,
    lastUsedAt: row.last_used_at,
    idleExpiresAt: row.idle_expires_at,
    expiresAt: row.expires_at,
    endedAt: row.ended_at,
    ip: row.ip,
    userAgent: row.user_agent
  }
}
