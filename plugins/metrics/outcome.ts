import type { ProblemCode } from '../../domain/errors.ts'

/** What trying something came to, as it is counted: `failed` is a wrong credential, `error` a fault of ours. */
export const outcomes = ['succeeded', 'failed', 'throttled', 'busy', 'refused', 'error'] as const

export type Outcome = (typeof outcomes)[number]

/** Of a reply, by its HTTP status and, where it is a refusal of ours, its code. */
export function outcomeOf(status: number, code?: ProblemCode): Outcome {
  if (status < 400) return 'succeeded'
  if (status === 401) return 'failed'
  if (status === 429) return 'throttled'
  if (code === 'busy') return 'busy'
  return status < 500 ? 'refused' : 'error'
}
