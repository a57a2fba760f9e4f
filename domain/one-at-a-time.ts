/**
 * The same work, never twice at once: a call while it is being done gets the next run, which starts after the call and is
 * shared by all who ask meanwhile.
 */
export function oneAtATime(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let queued: Promise<void> | undefined

  function start(): Promise<void> {
    running = work().finally(() => {
      running = undefined
    })
    return running
  }

  function afterwards(): Promise<void> {
    queued = undefined
    return start()
  }

  return () => {
    if (queued) return queued
    if (!running) return start()
    queued = running.then(afterwards, afterwards)
    return queued
  }
}
