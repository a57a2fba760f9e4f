import { setTimeout as pause } from 'node:timers/promises'
import { SECOND } from '../../domain/clock.ts'
import { error, type Finding } from './finding.ts'

/** One thing to look at. */
export interface Check {
  name: string
  /** The settings that it goes by: where one of them is wrong, there is nothing to look at. */
  needs: string[]
  /** Whatever it throws is a finding, too. The signal says that nobody waits for it any more. */
  look(signal: AbortSignal): Finding[] | Promise<Finding[]>
  /** What to do where it fails or takes too long. */
  advice: string
  /** How bad that is: an error, where it is left out. */
  failure?: typeof error
}

export interface NamedFinding extends Finding {
  check: string
}

const ORDER = ['error', 'warning', 'ok']

/**
 * Looks at everything at once, each for so many milliseconds at most; none hides another. `faulty` are the settings that could
 * not be read. The worst comes first.
 */
export async function examine(checks: Check[], faulty: string[], limit: number): Promise<NamedFinding[]> {
  const possible = checks.filter(({ needs }) => !needs.some((name) => faulty.includes(name)))
  const findings = await Promise.all(possible.map((check) => lookInTime(check, limit)))
  return findings.flat().sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity))
}

async function lookInTime(
  { name, look, advice, failure = error }: Check,
  limit: number
): Promise<NamedFinding[]> {
  const ending = new AbortController()
  const message = `There was no answer within ${limit / SECOND} s`
  const tooLate = pause(limit, [failure(message, advice)], { signal: ending.signal })
  const looked = lookQuietly(look, ending.signal).catch((thrown: unknown) => [
    failure(reasonOf(thrown), advice)
  ])
  const findings = await Promise.race([looked, tooLate])
  ending.abort()
  return findings.map((finding) => ({ check: name, ...finding }))
}

// What throws at once is caught like what throws later.
async function lookQuietly(look: Check['look'], signal: AbortSignal): Promise<Finding[]> {
  return look(signal)
}

/** Why something failed, for an operator: a Problem's text is for callers, a connection tried at two addresses has a code alone. */
function reasonOf(thrown: unknown): string {
  const { cause, message, code } = thrown as NodeJS.ErrnoException
  if (cause instanceof Error) return reasonOf(cause)
  return message || (code ?? 'It failed')
}
