/**
 * Runs `work` with a signal that aborts with `signal`, or after these milliseconds. `AbortSignal.any` would do the same, but on
 * Node 20 it keeps an entry for each call as long as `signal` lives.
 */
export async function withDeadline<T>(
  signal: AbortSignal,
  milliseconds: number,
  work: (deadline: AbortSignal) => Promise<T>
): Promise<T> {
  const own = new AbortController()
  const abort = () => own.abort(signal.reason)
  const timer = setTimeout(() => own.abort(new Error(`no answer within ${milliseconds} ms`)), milliseconds)
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  try {
    return await work(own.signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}
