/** Does the work every `interval` milliseconds, never twice at once. Returns a function that stops it. */
export function repeat(
  work: () => Promise<void>,
  interval: number,
  onError: (error: unknown) => void
): () => void {
  let busy = false
  const timer = setInterval(async () => {
    if (busy) return
    busy = true
    try {
      await work()
    } catch (error) {
      onError(error)
    } finally {
      busy = false
    }
  }, interval)
  timer.unref()
  return () => clearInterval(timer)
}
