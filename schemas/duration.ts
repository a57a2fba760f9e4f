import { Type } from 'typebox'
import { parseDuration } from '../verifier/duration.ts'

/** Makes the schema of a duration setting: text outside, milliseconds inside. */
export function Duration(value: string, description: string) {
  const text = Type.String({
    pattern: '^\\d{1,9}(ms|s|m|h|d)$',
    default: value,
    description,
    hint: 'must be a duration such as 500ms, 10s, 5m, 24h or 30d'
  })
  return Type.Decode(text, parseDuration)
}

/** Makes the schema of a duration setting that may be `off`, which is infinite inside. */
export function DurationOrOff(value: string, description: string) {
  const text = Type.String({
    pattern: '^(off|\\d{1,9}(ms|s|m|h|d))$',
    default: value,
    description,
    hint: 'must be a duration such as 30d or 400d, or off'
  })
  return Type.Decode(text, (written) =>
    written === 'off' ? Number.POSITIVE_INFINITY : parseDuration(written)
  )
}
