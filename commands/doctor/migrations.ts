import { type DatabaseState, inTheWayAdvice } from '../../store/inspection.ts'
import type { Check } from './checkup.ts'
import { DATABASE_SETTINGS, type DatabaseReading } from './database.ts'
import { error, type Finding, ok, warning } from './finding.ts'

/** Checks that the schema of the database is the one of this version. Says nothing if the database cannot be reached. */
export function migrationsCheck({ stateIfReachable }: DatabaseReading): Check {
  return {
    name: 'migrations',
    needs: DATABASE_SETTINGS,
    async look() {
      const state = await stateIfReachable
      return state ? migrationFindings(state) : []
    },
    advice: 'Run ./gatehouse migrate.'
  }
}

export function migrationFindings({ engine, pending, unknown, inTheWay }: DatabaseState): Finding[] {
  if (unknown.length > 0) {
    return [
      error(
        `The database is of a newer version of Gatehouse (${unknown.join(', ')})`,
        'Run that version, or restore a backup made before.'
      )
    ]
  }
  if (inTheWay.length > 0)
    return [error(`Another program has tables named ${inTheWay.join(', ')}`, `${inTheWayAdvice(engine)}.`)]
  if (pending.length > 0)
    return [warning(`Not yet run: ${pending.join(', ')}`, 'Start Gatehouse, or run ./gatehouse migrate.')]
  return [ok('The schema is up to date')]
}
