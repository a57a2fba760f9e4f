import { dictionary } from '@zxcvbn-ts/language-common'

/** Shorter words are not known: a guess of them is no cheaper than one of their letters. */
export const LEAST_WORD = 4
const CALENDAR_BITS = 6

const SEASONS =
  'spring summer autumn fall winter frühling sommer herbst printemps été automne hiver primavera verano otoño invierno estate autunno inverno lente zomer herfst wiosna lato jesień zima весна лето осень зима'
const CALENDAR_LANGUAGES = ['en', 'de', 'fr', 'es', 'it', 'pt', 'nl', 'pl', 'sv', 'tr', 'ru', 'uk']

/** The words that attackers try. */
export interface CommonWords {
  /** The passwords that are tried first, in lower case. */
  passwords: Set<string>
  /** The guesses that a word takes, as a power of two. */
  bits: Map<string, number>
  /** How the words begin: their first `LEAST_WORD` characters. */
  starts: Set<string>
}

let loaded: CommonWords | undefined

/** Returns the common words. Prepares them at the first call, because a start does not need them. */
export function commonWords(): CommonWords {
  loaded ??= prepare()
  return loaded
}

/** Returns the text in lower case, without accents. */
export function fold(text: string): string {
  return text.toLowerCase().normalize('NFD').replace(/\p{M}/gu, '') || text
}

/** Knows common passwords by rank, words of dice lists, and the names of seasons, months and weekdays. */
function prepare(): CommonWords {
  const { 'passwords-common': passwords = [], 'diceware-common': dice = [] } = dictionary as Record<
    string,
    string[]
  >
  const bits = new Map<string, number>()
  const learn = (word: string, needed: number) => {
    const known = bits.get(word) ?? Number.POSITIVE_INFINITY
    if (word.length >= LEAST_WORD) bits.set(word, Math.min(known, needed))
  }
  for (const [rank, word] of passwords.entries()) learn(word, Math.log2(rank + 2))
  for (const word of dice) learn(word, Math.log2(dice.length))
  for (const word of calendarWords()) learn(fold(word), CALENDAR_BITS)
  const starts = new Set([...bits.keys()].map((word) => word.slice(0, LEAST_WORD)))
  return { passwords: new Set(passwords), bits, starts }
}

function calendarWords(): string[] {
  const names = CALENDAR_LANGUAGES.flatMap((language) => {
    const month = new Intl.DateTimeFormat(language, { month: 'long', timeZone: 'UTC' })
    const weekday = new Intl.DateTimeFormat(language, { weekday: 'long', timeZone: 'UTC' })
    return Array.from({ length: 12 }, (_, n) => [
      month.format(Date.UTC(2026, n, 1)),
      weekday.format(Date.UTC(2026, 0, n + 1))
    ]).flat()
  })
  return [...SEASONS.split(' '), ...names]
}
