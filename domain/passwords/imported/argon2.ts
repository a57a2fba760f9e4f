import argon2 from 'argon2'
import { assertLength, assertMemoryBound, fromBase64, HashRefused, type ReadHash } from './hash.ts'

const KIB = 1024
const MOST_LANES = 16
const LEAST_SALT = 8

/** PHC form, with the parameters in any order. */
const PHC =
  /^\$argon2(?:id|i|d)(?:\$v=(?:16|19))?\$(?<parameters>[mtp]=\d{1,10}(?:,[mtp]=\d{1,10}){2})\$(?<salt>[\w+/]+)\$(?<hash>[\w+/]+)$/
/** Django writes its own name before PHC form. */
const DJANGO = 'argon2$argon2'

/** Reads argon2id, argon2i and argon2d: in PHC form, or as Django writes them. */
export const readArgon2: ReadHash = (text) => {
  const phc = text.startsWith(DJANGO) ? text.slice('argon2'.length) : text
  const { parameters = '', salt = '', hash = '' } = PHC.exec(phc)?.groups ?? {}
  if (parameters === '') return undefined
  const {
    m = 0,
    t = 0,
    p = 0
  } = Object.fromEntries(parameters.split(',').map((each) => [each.charAt(0), Number(each.slice(2))]))
  if (p < 1 || t < 1 || m < 8 * p || fromBase64(salt).length < LEAST_SALT)
    throw new HashRefused('argon2 cannot have these parameters')
  if (p > MOST_LANES) throw new HashRefused(`its cost is too high: at most ${MOST_LANES} lanes of argon2`)
  assertMemoryBound('argon2', m * KIB, t)
  assertLength(fromBase64(hash))
  return { format: 'argon2', compare: (password) => argon2.verify(phc, password) }
}
