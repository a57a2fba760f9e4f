import type { Check } from './checkup.ts'
import { type Finding, ok, warning } from './finding.ts'

/** The last day of security fixes for each long-term release of Node.js. */
const END_OF_LIFE: Record<number, string> = { 22: '2027-04-30', 24: '2028-04-30', 26: '2029-04-30' }
const ADVICE = 'Install the newest even-numbered release of Node.js.'

/** Checks that this Node.js still gets security fixes. */
export function nodeCheck(): Check {
  return {
    name: 'node',
    needs: [],
    look: () => nodeFindings(process.versions.node, Date.now(), process.env.UV_THREADPOOL_SIZE),
    advice: 'Install a long-term release of Node.js.'
  }
}

/** Judges a version of Node.js, written without the `v`; `now` is in milliseconds since the epoch. Shows the size of the thread pool. */
export function nodeFindings(version: string, now: number, threads = '4'): Finding[] {
  const major = Number.parseInt(version, 10)
  const end = END_OF_LIFE[major]
  if (major % 2 === 1) return [warning(`Node.js ${version} is no long-term release`, ADVICE)]
  if (end !== undefined && now > Date.parse(end))
    return [warning(`Node.js ${version} has got no security fixes since ${end}`, ADVICE)]
  return [ok(`Node.js ${version}, ${threads} threads for hashes, files and host names`)]
}
