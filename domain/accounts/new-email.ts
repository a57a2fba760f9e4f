import { domainToASCII, domainToUnicode } from 'node:url'
import { Problem } from '../errors.ts'
import { requireEmail } from './email-address.ts'

/** RFC 5321 §4.5.3.1: octets. */
const LONGEST_LOCAL_PART = 64
const LONGEST_DOMAIN = 253
const LONGEST = 254
/** Dot-atom (RFC 5322 §3.2.3) with letters, marks and digits of all scripts (RFC 6531), as PRECIS allows (RFC 8264 §4.2). */
const DOT_ATOM = /^[\w!#$%&'*+/=?^`{|}~\p{L}\p{M}\p{Nd}-]+(\.[\w!#$%&'*+/=?^`{|}~\p{L}\p{M}\p{Nd}-]+)*$/u
/** Invisible characters, and old Hangul Jamo, which combine with others (RFC 8264 §9.9, §9.13). */
const UNSEEN = /[\p{Default_Ignorable_Code_Point}\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]/u
/** RFC 1035 §2.3.4, RFC 5890 §2.3.1. */
const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/

/** UAX 31's recommended scripts. */
const SCRIPTS = [
  'Arabic',
  'Armenian',
  'Bengali',
  'Bopomofo',
  'Cyrillic',
  'Devanagari',
  'Ethiopic',
  'Georgian',
  'Greek',
  'Gujarati',
  'Gurmukhi',
  'Han',
  'Hangul',
  'Hebrew',
  'Hiragana',
  'Kannada',
  'Katakana',
  'Khmer',
  'Lao',
  'Latin',
  'Malayalam',
  'Myanmar',
  'Oriya',
  'Sinhala',
  'Tamil',
  'Telugu',
  'Thaana',
  'Thai',
  'Tibetan'
]
/** UTS 39 §5.2, Highly Restrictive: one script, or one of these combinations. */
const MIXTURES = ['Latin Han Hiragana Katakana', 'Latin Han Bopomofo', 'Latin Han Hangul']
const ALLOWED = [...SCRIPTS, ...MIXTURES].map((names) => {
  const scripts = names.split(' ').map((name) => `\\p{Script_Extensions=${name}}`)
  return new RegExp(`^[${scripts.join('')}\\p{Script=Common}\\p{Script=Inherited}]*$`, 'u')
})

/** Letters that look like a Latin letter, each followed by that letter (from the confusables of UTS 39). */
const LOOKALIKES = new Map(
  [
    'аa сc еe оo рp хx уy іi јj ѕs һh ԁd ԛq ԝw ӏl ѵv ҽe',
    'αa ιi νv οo ρp υu γy κk ϲc ϳj',
    'ոn սu օo հh յj ցg զq գq',
    'ıi ɩi ɑa ɡg ʋv ʏy ᴄc ᴏo ᴠv ᴡw ᴢz ꜱs ǀl'
  ].flatMap((pairs) => pairs.split(' ').map((pair) => [...pair] as [string, string]))
)

/**
 * Returns the normal spelling of an address for a new account. The rules are stricter than at sign-in, so that existing
 * accounts still work. Throws a Problem `invalid_request` if the address breaks them.
 */
export function requireNewEmail(text: string): string {
  const email = requireEmail(text)
  const detail = newEmailFault(email)
  if (detail === undefined) return email
  throw new Problem('invalid_request', { errors: [{ pointer: '/email', code: 'email', detail }] })
}

function newEmailFault(email: string): string | undefined {
  const at = email.lastIndexOf('@')
  const [local, domain] = [email.slice(0, at), email.slice(at + 1)]
  if (Buffer.byteLength(local) > LONGEST_LOCAL_PART || Buffer.byteLength(email) > LONGEST)
    return 'This e-mail address is too long.'
  if (!isDomain(domain) || !DOT_ATOM.test(local) || UNSEEN.test(local) || /^\p{M}/u.test(local))
    return 'This is not an e-mail address.'
  if (!ALLOWED.some((script) => script.test(local)) || isLookalike(local))
    return 'This e-mail address can be taken for another: use the letters of one alphabet.'
  return undefined
}

function isDomain(domain: string): boolean {
  if (domain.length > LONGEST_DOMAIN || !domain.split('.').every((label) => LABEL.test(label))) return false
  // domainToUnicode leaves an invalid Punycode label (RFC 5891) as it is. A label with another spelling changes on the way back.
  const unicode = domainToUnicode(domain)
  return !/(^|\.)xn--/.test(unicode) && domainToASCII(unicode) === domain
}

/** Returns whether a local part looks like ASCII but is not. */
function isLookalike(local: string): boolean {
  const seen = [...local].map((letter) => LOOKALIKES.get(letter) ?? letter).join('')
  return seen !== local && /^[\x21-\x7e]+$/.test(seen)
}
