import { SECOND } from '../../domain/clock.ts'
import type { Check } from './checkup.ts'
import { DATABASE_SETTINGS, type DatabaseReading } from './database.ts'
import { error, type Finding, ok, warning } from './finding.ts'

/** Milliseconds. A machine with a time service is never this far off. */
const SUSPECT = 2 * SECOND
/**
 * Milliseconds. Two instances that are this far off in opposite directions are ten seconds apart. A refresh within the grace
 * period then looks like a replay.
 */
const BROKEN = 5 * SECOND
const ADVICE = 'Run a time service (chrony, systemd-timesyncd) on every machine.'

/** Readings in milliseconds since the epoch. `tolerance` is the error of the measurement, in milliseconds. */
export interface Clocks {
  here: number
  /** The clock of the database server; undefined if that is this machine. */
  database: number | undefined
  tolerance: number
  /** When the newest audit event was written. */
  newestEvent: number | undefined
}

/** Checks that the clocks of this machine and of the database agree. Says nothing if the database cannot be reached. */
export function clockCheck({ stateIfReachable }: DatabaseReading): Check {
  return {
    name: 'clock',
    needs: DATABASE_SETTINGS,
    async look() {
      const state = await stateIfReachable
      if (!state) return []
      const { clock, readAt, newestEvent } = state
      return clockFindings({
        here: readAt,
        database: clock?.now,
        tolerance: clock?.tolerance ?? 0,
        newestEvent
      })
    },
    advice: 'Run a time service on every machine.'
  }
}

/** Judges the readings. */
export function clockFindings({ here, database = here, tolerance, newestEvent = 0 }: Clocks): Finding[] {
  const side = here > database ? 'ahead of' : 'behind'
  const skew = Math.abs(here - database)
  const early = newestEvent - here
  const findings = [
    ...judge(skew - tolerance, `This machine’s clock is ${seconds(skew)} s ${side} the database’s`),
    ...judge(early, `The newest audit event is ${seconds(early)} s in the future: a clock is, or was, wrong`)
  ]
  return findings.length > 0 ? findings : [ok('The clocks agree')]
}

function judge(difference: number, message: string): Finding[] {
  if (difference > BROKEN) return [error(message, ADVICE)]
  return difference > SUSPECT ? [warning(message, ADVICE)] : []
}

const seconds = (milliseconds: number) => Math.round(milliseconds / SECOND)
