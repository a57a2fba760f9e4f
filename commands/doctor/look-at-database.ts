import { existsSync } from 'node:fs'
import type { Config } from '../../domain/settings/config.ts'
import { type Inspection, inspectDatabase } from '../../store/inspection.ts'
import { sqlitePathOf } from '../../store/sqlite/path.ts'
import { clockFindings } from './clock.ts'
import { databaseFindings, migrationFindings } from './database.ts'
import { type Finding, warning } from './finding.ts'

/** One look at the database, for all who go by it. */
export interface DatabaseLook {
  /** Rejects where it cannot be reached; undefined where it is not made yet. */
  inspected: Promise<Inspection | undefined>
  /** The same without rejecting: whoever cannot reach it is told once. */
  known: Promise<Inspection | undefined>
}

/** Starts to look: no migration is run, and nothing is written. */
export function lookAtDatabase({ DATABASE_URL }: Config): DatabaseLook {
  const inspected = inspectIfMade(DATABASE_URL)
  return { inspected, known: inspected.catch(() => undefined) }
}

async function inspectIfMade(databaseUrl: string): Promise<Inspection | undefined> {
  const path = sqlitePathOf(databaseUrl)
  return path === undefined || existsSync(path) ? inspectDatabase(databaseUrl) : undefined
}

export async function lookAtEngine(
  { inspected }: DatabaseLook,
  { DATABASE_URL }: Config
): Promise<Finding[]> {
  const inspection = await inspected
  if (inspection) return databaseFindings(inspection)
  return [
    warning(
      `There is no database at ${sqlitePathOf(DATABASE_URL)} yet`,
      'Start Gatehouse, which makes it, or restore a backup; if there should be one, correct AUTH_DATA_DIR.'
    )
  ]
}

export async function lookAtMigrations({ known }: DatabaseLook): Promise<Finding[]> {
  const inspection = await known
  return inspection ? migrationFindings(inspection) : []
}

export async function lookAtClocks({ known }: DatabaseLook): Promise<Finding[]> {
  const inspection = await known
  if (!inspection) return []
  const { clock, readAt, newestEvent } = inspection
  return clockFindings({ here: readAt, database: clock?.now, tolerance: clock?.tolerance ?? 0, newestEvent })
}
