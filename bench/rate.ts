/**
 * Returns the work done per second by `inFlight` workers. Each starts again as soon as it is done. Work that starts during the
 * warm-up of connections, caches and compilers is not counted.
 */
export async function measureRate(
  { inFlight, seconds }: { inFlight: number; seconds: number },
  work: (worker: number) => Promise<unknown>
): Promise<number> {
  const startsAt = performance.now() + WARM_UP
  const endsAt = startsAt + seconds * 1000
  let done = 0

  async function keepWorking(worker: number): Promise<void> {
    while (performance.now() < endsAt) {
      await work(worker)
      const now = performance.now()
      if (now >= startsAt && now < endsAt) done += 1
    }
  }

  await Promise.all(Array.from({ length: inFlight }, (_, worker) => keepWorking(worker)))
  return done / seconds
}

const WARM_UP = 500
