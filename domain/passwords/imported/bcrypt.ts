import { createHash } from 'node:crypto'
import bcrypt from 'bcrypt'
import { HashRefused, type ReadHash } from './hash.ts'

const MOST_COST = 14

/** `$2y$` is PHP's name for `$2b$`. Django writes its own name before the hash. */
const BCRYPT = /^(?:(?<django>bcrypt|bcrypt_sha256)\$)?\$2[aby]\$(?<cost>\d\d)\$(?<rest>[./A-Za-z0-9]{53})$/

/**
 * Reads bcrypt, and Django's bcrypt of a SHA-256. bcrypt reads 72 bytes of a password: a longer one with the same beginning
 * matches, too, until the first sign-in replaces the hash.
 */
export const readBcrypt: ReadHash = (text) => {
  const { django, cost = '', rest } = BCRYPT.exec(text)?.groups ?? {}
  if (rest === undefined) return undefined
  if (Number(cost) > MOST_COST) throw new HashRefused(`its cost is too high: at most ${MOST_COST} for bcrypt`)
  if (Number(cost) < 4) throw new HashRefused('bcrypt has a cost of 4 or more')
  const isDigested = django === 'bcrypt_sha256'
  const hash = `${text.includes('$2a$') ? '$2a$' : '$2b$'}${cost}$${rest}`
  return {
    format: isDigested ? 'bcrypt_sha256' : 'bcrypt',
    compare: (password) => bcrypt.compare(isDigested ? sha256(password) : password, hash)
  }
}

const sha256 = (password: string) => createHash('sha256').update(password).digest('hex')
