import { nearest } from '../nearest.ts'

/** Returns the setting that an unknown one was probably meant to be, by its letters or by its words; undefined if none is like it. */
export function meantSetting(name: string, known: string[]): string | undefined {
  const spaced = (each: string) => each.replaceAll('_', ' ')
  const meant = nearest(spaced(name), known.map(spaced))?.replaceAll(' ', '_')
  return meant ?? known.find((each) => sharedWords(name, each) > 1)
}

function sharedWords(one: string, other: string): number {
  const words = new Set(other.split('_'))
  return one.split('_').filter((word) => word !== '' && words.has(word)).length
}
