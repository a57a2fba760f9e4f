import type { ProblemCode } from '../../domain/errors.ts'

/** Outcomes of a try, as the counters label them: `failed` is a wrong credential, `error` a fault of Gatehouse. */
export const outcomes = ['succeeded', 'failed', 'throttled', 'busy', 'refused', 'error'] as const

export type Outcome = (typeof outcomes)[number]

/** Returns the outcome of a reply, from its HTTP status and, if it is a problem, the problem's code. */
export function outcomeOf(status: number, code?: ProblemCode): Outcome {
  if (status < 400) return 'succeeded'
  if (status === 401) return 'failed'
  if (status === 429) return 'throttled'
  if (code === 'busy') return 'busy'
  return status < 500 ? 'refused' : 'error'
}
