import { SECOND } from '../clock.ts'
import { error, type Finding, ok } from './finding.ts'

/** What tokens forgive (`exp`), less what they need on the way. */
const LARGEST_SKEW = 3 * SECOND
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
  const findings: Finding[] = []
  const skew = here - database
  if (Math.abs(skew) > LARGEST_SKEW + tolerance) {
    const side = skew > 0 ? 'ahead of' : 'behind'
    findings.push(error(`This machine’s clock is ${seconds(skew)} s ${side} the database’s`, ADVICE))
  }
  if (newestEvent > here + LARGEST_SKEW)
    findings.push(
      error(
        `The newest audit event is ${seconds(newestEvent - here)} s in the future: a clock is, or was, wrong`,
        ADVICE
      )
    )
  return findings.length > 0 ? findings : [ok('The clocks agree')]
}

const seconds = (milliseconds: number) => Math.round(Math.abs(milliseconds) / SECOND)
