import { type Finding, ok, warning } from './finding.ts'

/** When Node.js stops mending each long-term release. */
const END_OF_LIFE: Record<number, string> = { 22: '2027-04-30', 24: '2028-04-30', 26: '2029-04-30' }
const ADVICE = 'Install the newest even-numbered release of Node.js.'

/** `version` without the v; `now` in milliseconds. */
export function runtimeFindings(version: string, now: number): Finding[] {
  const major = Number.parseInt(version, 10)
  const end = END_OF_LIFE[major]
  if (major % 2 === 1) return [warning(`Node.js ${version} is no long-term release`, ADVICE)]
  if (end !== undefined && now > Date.parse(end))
    return [warning(`Node.js ${version} has got no security fixes since ${end}`, ADVICE)]
  return [ok(`Node.js ${version}`)]
}
