import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Administrator } from '../domain/roles/authority.ts'
import { MANAGEMENT_SCOPE } from '../domain/roles/scopes.ts'
import type { Config } from '../domain/settings/config.ts'
import { sqlitePathOf } from '../store/sqlite/path.ts'
import { settings } from './settings.ts'

/** The operator as an administrator. A person who can run commands on the database may do everything. */
export const operator: Administrator = {
  caller: { actorId: 'operator', ip: null, userAgent: null, requestId: null },
  scope: [...MANAGEMENT_SCOPE]
}

/**
 * Builds the service on its settings and its database, without listening, and runs `work` with it. A missing embedded database
 * mostly means the wrong folder or the wrong settings. If `mayMake`, makes it and prints a note; else throws an Error.
 */
export async function withApp<T>(
  work: (app: FastifyInstance) => Promise<T>,
  { mayMake = true } = {}
): Promise<T> {
  const { buildApp } = await import('../app.ts')
  const { config } = settings()
  const missing = missingDatabase(config)
  if (missing && !mayMake) throw new Error(`There is no database at ${missing}`)
  const app = await buildApp(config, { log: false })
  if (missing) process.stderr.write(`There was no database at ${missing}: it was made.\n`)
  try {
    return await work(app)
  } finally {
    await app.close()
  }
}

function missingDatabase({ DATABASE_URL }: Config): string | undefined {
  const path = sqlitePathOf(DATABASE_URL)
  return path === undefined || existsSync(path) ? undefined : resolve(path)
}
