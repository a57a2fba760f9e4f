interface Lane {
  running: number
  queue: Array<() => void>
}

/** Ends a turn. A second call changes nothing. */
export type EndTurn = () => void

/** Waits for a turn among the tasks with the same key. */
export type TakeTurn = (key: string) => Promise<EndTurn>

/**
 * Lets `atOnce` tasks with the same key run at a time. The others wait, in order. If `waiting` tasks wait, the next one
 * runs at once, so that no caller can fill the memory.
 */
export function createTurns({ atOnce, waiting }: { atOnce: number; waiting: number }): TakeTurn {
  const lanes = new Map<string, Lane>()

  function endOnce(key: string, lane: Lane): EndTurn {
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      const next = lane.queue.shift()
      if (next) return next()
      lane.running -= 1
      if (lane.running === 0) lanes.delete(key)
    }
  }

  return async (key) => {
    const lane = lanes.get(key) ?? { running: 0, queue: [] }
    lanes.set(key, lane)
    if (lane.running < atOnce) lane.running += 1
    else if (lane.queue.length >= waiting) return () => {}
    else await new Promise<void>((start) => lane.queue.push(start))
    return endOnce(key, lane)
  }
}
