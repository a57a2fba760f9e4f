import { existsSync } from 'node:fs'
import type { Config } from '../../domain/settings/config.ts'
import { type DatabaseState, type Inspection, inspectDatabase } from '../../store/inspection.ts'
import { sqlitePathOf } from '../../store/sqlite/path.ts'
import type { Check } from './checkup.ts'
import { error, type Finding, ok, warning } from './finding.ts'

const OLDEST_POSTGRES = 13

/** The settings that say which database is in use. */
export const DATABASE_SETTINGS = ['DATABASE_URL', 'AUTH_DATA_DIR']

/** The state of the database, read once for all checks that need it. */
export interface DatabaseReading {
  /** Rejects if the database cannot be reached. Undefined if the embedded database does not exist yet. */
  state: Promise<Inspection | undefined>
  /** The same, but undefined if the database cannot be reached: the check `database` alone reports that. */
  stateIfReachable: Promise<Inspection | undefined>
}

/** Starts to read the state of the database. Runs no migration, and writes nothing. */
export function readDatabase({ DATABASE_URL }: Config): DatabaseReading {
  const state = inspectIfMade(DATABASE_URL)
  return { state, stateIfReachable: state.catch(() => undefined) }
}

async function inspectIfMade(databaseUrl: string): Promise<Inspection | undefined> {
  const path = sqlitePathOf(databaseUrl)
  return path === undefined || existsSync(path) ? inspectDatabase(databaseUrl) : undefined
}

/** Checks that the database answers, is a supported version, takes writes and keeps them. */
export function databaseCheck({ state }: DatabaseReading, { DATABASE_URL }: Config): Check {
  return {
    name: 'database',
    needs: DATABASE_SETTINGS,
    async look() {
      const inspection = await state
      if (inspection) return databaseFindings(inspection)
      return [
        warning(
          `There is no database at ${sqlitePathOf(DATABASE_URL)} yet`,
          'Start Gatehouse, which makes it, or restore a backup; if there should be one, correct AUTH_DATA_DIR.'
        )
      ]
    },
    advice: 'Start the database, or correct DATABASE_URL.'
  }
}

/** Judges the state of the database. */
export function databaseFindings({
  engine,
  version,
  readOnly,
  unsafe,
  isSuperuser
}: DatabaseState): Finding[] {
  const findings: Finding[] = []
  if (engine === 'postgres' && Number.parseInt(version, 10) < OLDEST_POSTGRES)
    findings.push(error(`PostgreSQL ${version} is too old`, `Use PostgreSQL ${OLDEST_POSTGRES} or newer.`))
  if (readOnly !== undefined)
    findings.push(
      error(
        `Nothing can be written: ${readOnly}`,
        'Let DATABASE_URL name a database that can be written to: the primary.'
      )
    )
  for (const setting of unsafe)
    findings.push(
      error(
        `The database runs with ${setting}: what was acknowledged can be lost`,
        'Remove that setting from PostgreSQL.'
      )
    )
  if (isSuperuser)
    findings.push(
      warning(
        'The role of DATABASE_URL is a superuser of PostgreSQL',
        'Give Gatehouse a role that owns its database and nothing else: docs/operations.md, PostgreSQL.'
      )
    )
  const name = engine === 'sqlite' ? 'SQLite' : 'PostgreSQL'
  return findings.length > 0
    ? findings
    : [ok(`${name} ${version} answers, can be written to and keeps what it said`)]
}
