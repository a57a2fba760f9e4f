/** Edits that a typing mistake may need, at most. */
const MISTAKES = 3

/** Returns the candidate that `typed` was probably meant to be, or undefined if it resembles none word by word. */
export function nearest(typed: string, candidates: string[]): string | undefined {
  const [best] = candidates
    .map((name) => ({ name, distance: distanceOf(typed.split(' '), name.split(' ')) }))
    .filter(({ distance }) => distance <= MISTAKES)
    .sort((one, other) => one.distance - other.distance)
  return best?.name
}

function distanceOf(typed: string[], meant: string[]): number {
  if (typed.length !== meant.length) return Number.POSITIVE_INFINITY
  const distances = meant.map((word, index) => {
    const most = Math.min(MISTAKES, Math.max(1, Math.floor(word.length / 3)))
    const distance = edits(typed[index] ?? '', word, most)
    return distance <= most ? distance : Number.POSITIVE_INFINITY
  })
  return distances.reduce((sum, distance) => sum + distance, 0)
}

/** Counts the letters to insert, delete, replace or swap that make one word the other. Gives up above `most`. */
function edits(one: string, other: string, most: number): number {
  if (most < 0) return Number.POSITIVE_INFINITY
  if (one === '' || other === '') return one.length + other.length
  if (one[0] === other[0]) return edits(one.slice(1), other.slice(1), most)
  const isSwapped = one[0] === other[1] && one[1] === other[0]
  return (
    1 +
    Math.min(
      edits(one.slice(1), other.slice(1), most - 1),
      edits(one.slice(1), other, most - 1),
      edits(one, other.slice(1), most - 1),
      isSwapped ? edits(one.slice(2), other.slice(2), most - 1) : Number.POSITIVE_INFINITY
    )
  )
}
