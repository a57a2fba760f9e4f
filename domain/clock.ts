/** Milliseconds since the epoch, UTC. Injected everywhere, so that tests move time instead of waiting. */
export type Clock = () => number

/** Milliseconds on a clock that nothing sets: for how long ago something happened in this process. */
export type Monotonic = () => number

export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** The whole seconds since the epoch of JWT's NumericDate (RFC 7519 §2). */
export function toNumericDate(milliseconds: number): number {
  return Math.floor(milliseconds / SECOND)
}

export function toIso(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
