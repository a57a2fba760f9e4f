import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Administrator } from '../domain/administrator.ts'
import { MANAGEMENT_SCOPE } from '../domain/roles.ts'
import { sqlitePathOf } from '../store/index.ts'
import { settings } from './settings.ts'

/** The operator's hand: whoever can run commands on the database may do everything. */
export const operator: Administrator = {
  caller: { actorId: 'operator', ip: null, userAgent: null, requestId: null },
  scope: [...MANAGEMENT_SCOPE]
}

/** The service's own parts, on the same settings and the same database, without listening. */
export async function withApp<T>(work: (app: FastifyInstance) => Promise<T>): Promise<T> {
  const { buildApp } = await import('../app.ts')
  const { config } = settings()
  const path = sqlitePathOf(config.DATABASE_URL)
  const isNew = path !== undefined && !existsSync(path)
  const app = await buildApp(config, { log: false })
  // Mostly a mistake: the wrong folder, or other settings than the service's.
  if (isNew) process.stderr.write(`There was no database at ${resolve(path)}: it was made.\n`)
  try {
    return await work(app)
  } finally {
    await app.close()
  }
}
