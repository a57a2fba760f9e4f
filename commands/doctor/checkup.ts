import { setTimeout as pause } from 'node:timers/promises'
import { SECOND } from '../../domain/clock.ts'
import { error, type Finding } from './finding.ts'

/** One check of the installation. */
export interface Check {
  name: string
  /** The settings that it reads. It is left out if one of them is wrong. */
  needs: string[]
  /** Looks for findings. An exception becomes a finding, too. `signal` aborts when the time is over. */
  look(signal: AbortSignal): Finding[] | Promise<Finding[]>
  /** What to do if it throws or takes too long. */
  advice: string
  /** How bad that is; `error` by default. */
  failure?: typeof error
}

export interface NamedFinding extends Finding {
  check: string
}

/** What to do if the operating system denies access to a file: nothing is down. */
export const GIVE = 'Give it to the user that runs Gatehouse: chown.'

const ORDER = ['error', 'warning', 'ok']

/**
 * Runs all checks at once, each for `limit` milliseconds at most. One that fails hides no other. Leaves out those that need a
 * setting in `faulty`. Sorts the findings by severity, the worst first.
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
    failure(explain(thrown), isForbidden(thrown) ? GIVE : advice)
  ])
  const findings = await Promise.race([looked, tooLate])
  ending.abort()
  return findings.map((finding) => ({ check: name, ...finding }))
}

// Turns an exception of a synchronous check into a rejection.
async function lookQuietly(look: Check['look'], signal: AbortSignal): Promise<Finding[]> {
  return look(signal)
}

function isForbidden(thrown: unknown): boolean {
  const { cause, code } = thrown as NodeJS.ErrnoException
  return code === 'EACCES' || (cause instanceof Error && isForbidden(cause))
}

/**
 * Says why something failed, for an operator. A Problem's own text is for callers, so its cause counts. A connection that
 * failed at two addresses has a code, and no message.
 */
function explain(thrown: unknown): string {
  const { cause, message, code } = thrown as NodeJS.ErrnoException
  if (cause instanceof Error) return explain(cause)
  return message || (code ?? 'It failed')
}
