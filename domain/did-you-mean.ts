/** How many letters may be wrong, missing or too many, for a word of this length. */
const tolerance = (word: string) => Math.max(2, Math.floor(word.length / 4))

/** Returns `. Did you mean X?` with the known word that is nearest to this one, or the empty string if none is near. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const [nearest] = Array.from(known, (each) => ({ each, distance: distanceOf(word, each) }))
    .filter(({ distance }) => distance <= tolerance(word))
    .toSorted((a, b) => a.distance - b.distance)
  return nearest ? `. Did you mean ${nearest.each}?` : ''
}

/** Returns the Levenshtein distance of two words. */
function distanceOf(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (const [row, letter] of [...a].entries()) {
    const current = [row + 1]
    for (const [column, other] of [...b].entries())
      current.push(
        Math.min(
          (above[column] ?? 0) + (letter === other ? 0 : 1),
          (above[column + 1] ?? 0) + 1,
          (current[column] ?? 0) + 1
        )
      )
    above = current
  }
  return above[b.length] ?? 0
}
