/** The result of a benchmark, with a peer or a limit of the same run. */
export interface Figure {
  name: string
  unit: string
  ours: number
  peer: { name: string; value: number }
  /** ours / peer; the median of the ratios if there were several rounds. */
  ratio: number
  /** The lowest and the highest ratio of a round: they show the machine's noise. */
  spread: [number, number]
  target?: { atLeast: number } | { atMost: number }
  /** What a reader must know to interpret the figure. */
  note?: string
}

/** A benchmark that cannot run on this machine, and the reason. */
export interface Skipped {
  name: string
  skipped: string
}

export type Result = Figure | Skipped

/** The values of one round: ours and the peer's. */
export interface Round {
  ours: number
  peer: number
}

export function compare(
  { name, unit, peer, ...others }: Pick<Figure, 'name' | 'unit' | 'target' | 'note'> & { peer: string },
  rounds: Round[]
): Figure {
  const ratios = rounds.map((round) => round.ours / round.peer)
  return {
    name,
    unit,
    ours: median(rounds.map((round) => round.ours)),
    peer: { name: peer, value: median(rounds.map((round) => round.peer)) },
    ratio: median(ratios),
    spread: [Math.min(...ratios), Math.max(...ratios)],
    ...others
  }
}

/** Runs a round several times, one after another. Ours and the peer alternate, so that both meet the same noise. */
export async function inRounds<R>(count: number, round: () => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let i = 0; i < count; i += 1) results.push(await round())
  return results
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  if (low === undefined || high === undefined) throw new Error('there is no median of nothing')
  return (low + high) / 2
}

/** Tells whether a figure meets its target; undefined if it has none. */
export function isMet({ ratio, target }: Figure): boolean | undefined {
  if (!target) return undefined
  return 'atLeast' in target ? ratio >= target.atLeast : ratio <= target.atMost
}
