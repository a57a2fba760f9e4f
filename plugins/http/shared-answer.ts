/**
 * One answer for all who ask within `keep` milliseconds: the question is put by one of them at a time, and again `keep`
 * after it was last put at the earliest. `monotonic` is milliseconds on a clock that is never set.
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
