import type { DatabaseState } from '../../store/inspection.ts'
import { error, type Finding, ok, warning } from './finding.ts'

const OLDEST_POSTGRES = 13

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

export function migrationFindings({ pending, unknown }: DatabaseState): Finding[] {
  if (unknown.length > 0) {
    return [
      error(
        `The database is of a newer version of Gatehouse (${unknown.join(', ')})`,
        'Run that version, or restore a backup made before.'
      )
    ]
  }
  if (pending.length > 0)
    return [warning(`Not yet run: ${pending.join(', ')}`, 'Start Gatehouse, or run gatehouse migrate.')]
  return [ok('The schema is up to date')]
}
