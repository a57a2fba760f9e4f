import { Problem } from '../../domain/errors.ts'

/**
 * Returns the milliseconds of a time, if there is one. Throws a Problem `invalid_request` for a leap second, which the format
 * `date-time` admits but `Date` cannot hold.
 */
export function momentOf(text: string | undefined, pointer: string): number | undefined {
  if (text === undefined) return undefined
  const time = Date.parse(text)
  if (Number.isFinite(time)) return time
  throw new Problem('invalid_request', {
    errors: [{ pointer, code: 'format', detail: 'This is not a point in time.' }]
  })
}
