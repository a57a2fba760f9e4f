import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../domain/settings/config.ts'
import { sqlitePathOf } from '../store/sqlite/path.ts'
import { settings } from './settings.ts'

/**
 * Builds the service on its settings and its database, without listening, and runs `work` with it. A missing embedded database
 * mostly means the wrong folder or the wrong settings: throws an Error. If `mayMake`, makes it and prints a note.
 */
export async function withCore<T>(
  work: (app: FastifyInstance) => Promise<T>,
  { mayMake = false } = {}
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
