import { readArgon2 } from './argon2.ts'
import { readBcrypt } from './bcrypt.ts'
import { readFirebase } from './firebase.ts'
import { readFlaskSecurity } from './flask-security.ts'
import { HashRefused, type ImportedHash } from './hash.ts'
import { readPbkdf2 } from './pbkdf2.ts'
import { readScrypt } from './scrypt.ts'
import { readFastHash, readWrapped } from './wrapped.ts'

const FAMILIES = [
  readArgon2,
  readBcrypt,
  readPbkdf2,
  readScrypt,
  readFirebase,
  readFlaskSecurity,
  readWrapped
]

/** Reads a hash that can be stored and compared. Throws a HashRefused if no family knows it, or if its cost is out of bounds. */
export function readHash(text: string): ImportedHash {
  for (const read of FAMILIES) {
    const hash = read(text)
    if (hash) return hash
  }
  throw new HashRefused('it has no known form')
}

/** Returns the name of a hash's format, also of a fast one. Throws a HashRefused. */
export function formatOf(text: string): string {
  return (readFastHash(text) ?? readHash(text)).format
}
