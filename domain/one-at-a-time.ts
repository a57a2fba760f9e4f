/**
 * Returns a function that never runs the work twice at once. A call during a run gets the next run, which starts afterwards.
 * All calls during a run share that next run.
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
