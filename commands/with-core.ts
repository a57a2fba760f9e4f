import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Writable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../domain/settings/config.ts'
import { settingsOfService } from '../domain/settings/service-identity.ts'
import type { LoadedSettings } from '../domain/settings/settings.ts'
import { settings } from '../settings.ts'
import { sqlitePathOf } from '../store/sqlite/path.ts'

/**
 * Builds the service on its settings and its database, without listening, and runs `work` with it. A missing embedded database
 * mostly means the wrong folder or the wrong settings: throws an Error. If `mayMake` is a stream, makes it and prints a note there.
 */
export async function withCore<T>(
  work: (app: FastifyInstance) => Promise<T>,
  { mayMake }: { mayMake?: Writable } = {}
): Promise<T> {
  const loaded = settings()
  const missing = missingDatabase(loaded.config)
  if (missing && !mayMake) throw new Error(`There is no database at ${missing}`)
  const app = await buildLikeService(loaded)
  if (missing) mayMake?.write(`There was no database at ${missing}: it was made.\n`)
  try {
    return await work(app)
  } finally {
    await app.close()
  }
}

// The issuer and the audience depend on settings of the service that the shell of a command may lack.
async function buildLikeService(loaded: LoadedSettings): Promise<FastifyInstance> {
  const { buildCore } = await import('../core.ts')
  const app = await buildCore(loaded.config)
  const others = await missingSettings(app, loaded)
  if (Object.keys(others).length === 0) return app
  await app.close()
  return buildCore(settings(others).config)
}

async function missingSettings(
  app: FastifyInstance,
  loaded: LoadedSettings
): Promise<Record<string, string>> {
  try {
    const service = await app.store.serviceIdentity.find()
    return service ? settingsOfService(loaded, service) : {}
  } catch (error) {
    await app.close()
    throw error
  }
}

function missingDatabase({ DATABASE_URL }: Config): string | undefined {
  const path = sqlitePathOf(DATABASE_URL)
  return path === undefined || existsSync(path) ? undefined : resolve(path)
}
