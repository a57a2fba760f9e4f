/**
 * Makes a clock for what may be forgotten, in whole milliseconds. It goes with the wall clock, but never faster than `elapsed`,
 * which counts the milliseconds that have passed. So a wall clock that jumps forward and back makes nothing valid that was
 * revoked.
 */
export function steadyClock(wall: () => number, elapsed: () => number): () => number {
  const lead = wall() - elapsed()
  return () => Math.floor(Math.min(wall(), elapsed() + lead))
}
