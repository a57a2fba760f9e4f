import { commonWords, fold, LEAST_WORD } from './common-words.ts'

const LEAST_CONTEXT_WORD = 3
const LEAST_RUN = 3
const LONGEST_PIECE = 24
/** Number of characters judged: if so many are guessable, the rest does not make the password safe. */
const JUDGED_LENGTH = 64

/** Guesses as powers of two. An addition to a word is worth the guesses that it takes, not its length. */
const BITS = {
  contextWord: 1,
  year: 6,
  run: 6,
  again: 2,
  substitutions: 1.5,
  oneCapital: 1,
  capitals: 3,
  blank: 1,
  digit: 3.3,
  symbol: 4,
  letter: 4.7,
  capital: 5.7,
  other: 9
}

/** Straight lines on keyboards (US, German, French, Russian), and the alphabet. A run follows one, in either direction. */
const LINES = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890',
  '!@#$%^&*()',
  '!"§$%&/()=',
  'qwertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'qwertzuiop',
  'yxcvbnm',
  'azertyuiop',
  'qsdfghjklm',
  'wxcvbn',
  'йцукенгшщзхъ',
  'фывапролджэ',
  'ячсмитьбю',
  ...['1qaz', '2wsx', '3edc', '4rfv', '5tgb', '6yhn', '7ujm'],
  ...['qay', 'wsx', 'edc', 'rfv', 'tgb', 'zhn', 'ujm', 'esz', 'rdx', 'tfc', 'ygv', 'uhb', 'ijn', 'okm']
]
/** The lines on which a character stands, and its position on each. */
const PLACES = new Map<string, Array<{ line: string[]; at: number }>>()
for (const text of LINES) {
  const line = [...text].map(fold)
  for (const [at, character] of line.entries())
    PLACES.set(character, [...(PLACES.get(character) ?? []), { line, at }])
}

const SUBSTITUTES = new Map(Object.entries({ 0: 'o', 3: 'e', 4: 'a', 5: 's', 7: 't', 8: 'b', 9: 'g' }))
for (const [written, meant] of ['@a', '$s', '+t', '(c', '€e'])
  SUBSTITUTES.set(written as string, meant as string)
/** Characters that stand for an i or an l. */
const STROKES = new Set(['1', '!', '|'])

interface Text {
  /** Lower case, without accents. */
  written: string[]
  /** The same with substitutes read as the letters they stand for; a stroke is an i, or an l. */
  asI: string[]
  asL: string[]
  isCapital: boolean[]
}

/** Receives a piece that begins here: its length in characters, and its worth in bits. */
type Found = (length: number, bits: number) => void

/**
 * Returns how many guesses a password takes, as a power of two, up to `enough`. It finds the cheapest split into single
 * characters and the pieces that attackers try: common words, capitals and substitutions, years, keyboard runs, repeats, the
 * account's own words. It reads the first 64 characters only, which bounds the time: 10,000 look-ups at most.
 */
export function strengthOf(password: string, contextWords: string[], enough: number): number {
  const characters = [...password].slice(0, JUDGED_LENGTH)
  const text = readText(characters)
  const context = new Set(contextWords.map(fold).filter((word) => word.length >= LEAST_CONTEXT_WORD))
  const cost = new Array<number>(characters.length + 1).fill(Number.POSITIVE_INFINITY)
  cost[0] = 0
  for (let start = 0; start < characters.length; start += 1) {
    // Every split has a cut among the last positions, so none is cheaper than the cheapest of these.
    const least = Math.min(...cost.slice(Math.max(0, start - LONGEST_PIECE), start + 1))
    if (least >= enough) return enough
    const before = cost[start] as number
    const found: Found = (length, bits) => {
      const end = start + length
      if (before + bits < (cost[end] as number)) cost[end] = before + bits
    }
    found(1, bitsOf(characters[start] as string))
    findWords(text, start, context, found)
    findPatterns(text.written, start, found)
  }
  return Math.min(cost[characters.length] as number, enough)
}

function readText(characters: string[]): Text {
  const written = characters.map(fold)
  const readAs = (stroke: string) =>
    written.map((each) => (STROKES.has(each) ? stroke : (SUBSTITUTES.get(each) ?? each)))
  return {
    written,
    asI: readAs('i'),
    asL: readAs('l'),
    isCapital: characters.map((each) => /\p{Lu}/u.test(each))
  }
}

function bitsOf(character: string): number {
  if (/\p{Lu}/u.test(character)) return BITS.capital
  if (/\p{Ll}/u.test(character)) return BITS.letter
  if (/[0-9]/.test(character)) return BITS.digit
  if (/\s/.test(character)) return BITS.blank
  return /[!-~]/.test(character) ? BITS.symbol : BITS.other
}

function findWords(
  { written, asI, asL, isCapital }: Text,
  start: number,
  context: Set<string>,
  found: Found
): void {
  const common = commonWords()
  for (const [letters, extra] of [
    [written, 0],
    [asI, BITS.substitutions],
    [asL, BITS.substitutions]
  ] as const) {
    let word = ''
    let capitals = 0
    const longest = Math.min(letters.length - start, LONGEST_PIECE)
    for (let length = 1; length <= longest; length += 1) {
      word += letters[start + length - 1]
      if (isCapital[start + length - 1]) capitals += 1
      if (length < LEAST_CONTEXT_WORD) continue
      const bits = context.has(word) ? BITS.contextWord : common.bits.get(word)
      if (bits !== undefined)
        found(length, bits + extra + capitalBits(length, capitals, isCapital[start] ?? false))
      if (
        length === LEAST_WORD &&
        !common.starts.has(word) &&
        ![...context].some((each) => each.startsWith(word))
      )
        break
    }
  }
}

function capitalBits(length: number, capitals: number, isFirst: boolean): number {
  if (capitals === 0) return 0
  return capitals === length || (capitals === 1 && isFirst) ? BITS.oneCapital : BITS.capitals
}

function findPatterns(text: string[], start: number, found: Found): void {
  const run = Math.min(longestRun(text, start), LONGEST_PIECE)
  for (let length = LEAST_RUN; length <= run; length += 1) found(length, BITS.run)
  for (let length = 1; length <= Math.min(start, LONGEST_PIECE); length += 1)
    if (isAgain(text, start, length)) found(length, BITS.again)
  if (/^(19|20)\d\d$/.test(text.slice(start, start + 4).join(''))) found(4, BITS.year)
}

/** Returns the length of the run that starts here: along one line, or from one code point to the next. */
function longestRun(text: string[], start: number): number {
  const first = text[start] as string
  const code = first.codePointAt(0) ?? 0
  let longest = 1
  for (const step of [1, -1]) {
    for (const { line, at } of PLACES.get(first) ?? [])
      longest = Math.max(
        longest,
        agreement(text, start, (n) => line[at + n * step])
      )
    const consecutive = (n: number) => characterAt(code + n * step)
    longest = Math.max(longest, agreement(text, start, consecutive))
  }
  return longest
}

function characterAt(code: number): string | undefined {
  return code >= 0 && code <= 0x10_ff_ff ? String.fromCodePoint(code) : undefined
}

function agreement(text: string[], start: number, expected: (n: number) => string | undefined): number {
  let length = 1
  while (start + length < text.length && text[start + length] === expected(length)) length += 1
  return length
}

function isAgain(text: string[], start: number, length: number): boolean {
  if (start + length > text.length) return false
  for (let n = 0; n < length; n += 1) if (text[start + n] !== text[start - length + n]) return false
  return true
}
