/** What a benchmark found, beside a peer or a limit measured in the same run. */
export interface Figure {
  name: string
  unit: string
  ours: number
  peer: { name: string; value: number }
  /** ours / peer; where both alternated in rounds, the median of the rounds' ratios. */
  ratio: number
  /** The least and the greatest ratio of a round: how far the machine's noise goes. */
  spread: [number, number]
  target?: { atLeast: number } | { atMost: number }
  /** What a reader must know to trust the figure. */
  note?: string
}

/** A benchmark that cannot be run here, and why. */
export interface Skipped {
  name: string
  skipped: string
}

export type Result = Figure | Skipped

/** Of one round: ours, and the peer's value right beside it. */
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

/** Runs a round several times, one after another: A and B alternate, so that both meet the same noise. */
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

/** Undefined where there is no target. */
export function isMet({ ratio, target }: Figure): boolean | undefined {
  if (!target) return undefined
  return 'atLeast' in target ? ratio >= target.atLeast : ratio <= target.atMost
}
