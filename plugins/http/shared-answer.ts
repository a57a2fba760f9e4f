/**
 * Returns a function that shares one answer among all callers. Calls `ask` again `keep` milliseconds after the last call at the
 * earliest, and never twice at a time. `monotonic` returns milliseconds of a clock that is never set.
 */
export function shareAnswer<T>(
  ask: () => Promise<T>,
  keep: number,
  monotonic: () => number
): () => Promise<T> {
  let answer: Promise<T> | undefined
  let isAsking = false
  let askedAt = Number.NEGATIVE_INFINITY

  return () => {
    if (answer && (isAsking || monotonic() - askedAt < keep)) return answer
    isAsking = true
    askedAt = monotonic()
    answer = ask().finally(() => {
      isAsking = false
    })
    return answer
  }
}
