import { domainToUnicode } from 'node:url'

/** Accents of Latin, Greek and Cyrillic letters. The marks of other scripts make other letters. */
const ACCENTS = /[\u0300-\u036f]/g
/** Letters that Unicode does not take apart, though their readers type them without the stroke. */
const STROKES: Record<string, string> = { ł: 'l', ø: 'o', đ: 'd', æ: 'ae', œ: 'oe', ς: 'σ' }
const STROKED = /[łøđæœς]/g

/** Folds a text for search: without case, accents and compatibility forms. Search compares only what this function wrote. */
export function foldedText(text: string): string {
  // Upper case makes ß to ss and a dotless i to i. The capital ẞ has to be small first.
  const small = text.normalize('NFKD').toLowerCase().toUpperCase().toLowerCase().normalize('NFKD')
  return small
    .replace(ACCENTS, '')
    .replace(STROKED, (letter) => STROKES[letter] ?? letter)
    .normalize('NFKC')
}

/** Folds an address for search. A domain with other letters than ASCII is there in both spellings. */
export function foldedEmail(email: string): string {
  const at = email.lastIndexOf('@') + 1
  const readable = email.slice(0, at) + domainToUnicode(email.slice(at))
  return [...new Set([email, readable].map(foldedText))].join(' ')
}
