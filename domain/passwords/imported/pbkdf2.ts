import { pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import { isSameBytes } from '../../constant-time.ts'
import { assertLength, fromBase64, HashRefused, type ReadHash } from './hash.ts'

const derive = promisify(pbkdf2)

const LEAST_ROUNDS = 1000
const MOST_ROUNDS = 2_000_000
const DIGEST_LENGTHS: Record<string, number> = { sha1: 20, sha256: 32, sha512: 64 }

const WERKZEUG =
  /^pbkdf2:(?<digest>sha1|sha256|sha512):(?<rounds>\d{1,10})\$(?<salt>[^$\p{C}]+)\$(?<hex>[\da-f]+)$/u
const DJANGO =
  /^pbkdf2_(?<digest>sha1|sha256|sha512)\$(?<rounds>\d{1,10})\$(?<salt>[^$\p{C}]+)\$(?<hash>[\w+/]+=*)$/u
/** A name without a digest is of SHA-1. `docs/migrate.md` writes the hashes of Keycloak in this form. */
const PASSLIB =
  /^\$pbkdf2(?:-(?<digest>sha256|sha512))?\$(?<rounds>\d{1,10})\$(?<salt64>[\w+./-]+=*)\$(?<hash>[\w+./-]+=*)$/

/** Reads PBKDF2 as Werkzeug, Django and passlib write it. */
export const readPbkdf2: ReadHash = (text) => {
  const parts = [WERKZEUG, DJANGO, PASSLIB].map((shape) => shape.exec(text)?.groups).find(Boolean)
  if (!parts) return undefined
  const { digest = 'sha1', hex, hash = '', salt = '', salt64 } = parts
  const rounds = Number(parts.rounds)
  const expected = hex === undefined ? fromBase64(hash) : Buffer.from(hex, 'hex')
  assertLength(expected)
  assertRounds(rounds, Math.ceil(expected.length / (DIGEST_LENGTHS[digest] as number)))
  const salted = salt64 === undefined ? Buffer.from(salt) : fromBase64(salt64)
  return {
    format: `pbkdf2-${digest}`,
    compare: async (password) =>
      isSameBytes(await derive(password, salted, rounds, expected.length, digest), expected)
  }
}

// PBKDF2 does all rounds again for each length of the digest.
function assertRounds(rounds: number, repetitions: number): void {
  if (rounds * repetitions > MOST_ROUNDS)
    throw new HashRefused('its cost is too high: at most 2,000,000 iterations of PBKDF2')
  if (rounds < LEAST_ROUNDS) throw new HashRefused('its cost is too low: 1,000 iterations of PBKDF2 at least')
}
