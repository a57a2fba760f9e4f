/** Milliseconds since the epoch, UTC. Injected, so that tests move time instead of waiting. */
export type Clock = () => number

/** Milliseconds on a monotonic clock, to measure durations within this process. */
export type Monotonic = () => number

export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** Returns a NumericDate in whole seconds (RFC 7519 §2). */
export function toNumericDate(milliseconds: number): number {
  return Math.floor(milliseconds / SECOND)
}

export function toIso(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
