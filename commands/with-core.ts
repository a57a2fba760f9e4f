import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../domain/settings/config.ts'
import { sqlitePathOf } from '../store/sqlite/path.ts'
import { settings } from './settings.ts'

/**
 * The service's own parts, on the same settings and the same database, without listening. An embedded database that is
 * missing is made, and said so, where `mayMake`; it is mostly a mistake: the wrong folder, or other settings than the service's.
 */
export async function withCore<T>(
  work: (app: FastifyInstance) => Promise<T>,
  { mayMake = true } = {}
): Promise<T> {
  const { buildCore } = await import('../core.ts')
  const { config } = settings()
  const missing = missingDatabase(config)
  if (missing && !mayMake) throw new Error(`There is no database at ${missing}`)
  const app = await buildCore(config)
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
