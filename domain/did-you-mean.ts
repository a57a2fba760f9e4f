/** Returns `. Did you mean X?` with the known name that is most like this one, or the empty string if none is like it. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const names = [...known]
  const meant = nearest(name, names) ?? names.find((each) => sharedWords(name, each) > 1)
  return meant === undefined ? '' : `. Did you mean ${meant}?`
}

/** Returns the name that a typing error may have made into this one. */
function nearest(name: string, names: string[]): string | undefined {
  const tolerance = Math.max(2, Math.floor(name.length / 5))
  const [best] = names
    .map((each) => ({ each, distance: distanceOf(name, each) }))
    .filter(({ distance }) => distance <= tolerance)
    .toSorted((a, b) => a.distance - b.distance)
  return best?.each
}

function sharedWords(a: string, b: string): number {
  const words = new Set(b.split(/[_ ]/))
  return a.split(/[_ ]/).filter((word) => word !== '' && words.has(word)).length
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
