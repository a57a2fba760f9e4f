import { Problem } from '../../domain/errors.ts'

/** The milliseconds of a time that was given. The format lets a leap second through, which is no moment to us. */
export function momentOf(text: string | undefined, pointer: string): number | undefined {
  if (text === undefined) return undefined
  const time = Date.parse(text)
  if (Number.isFinite(time)) return time
  throw new Problem('invalid_request', {
    errors: [{ pointer, code: 'format', detail: 'This is no moment in time.' }]
  })
}
