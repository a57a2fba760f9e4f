import { SECOND } from '../../domain/clock.ts'
import { error, type Finding, ok, warning } from './finding.ts'

/** No machine with a time service is so far off. */
const SUSPECT = 2 * SECOND
/** Two instances that are so far off, each to its side, are ten seconds apart: a refresh within the grace is a replay. */
const BROKEN = 5 * SECOND
const ADVICE = 'Run a time service (chrony, systemd-timesyncd) on every machine.'

/** All in milliseconds since the epoch, but for `tolerance`: how far the readings can be apart by themselves. */
export interface Clocks {
  here: number
  /** The database server's; undefined where it is this machine. */
  database: number | undefined
  tolerance: number
  /** When the newest audit event was written. */
  newestEvent: number | undefined
}

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
