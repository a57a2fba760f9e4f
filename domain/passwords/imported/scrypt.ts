import { type BinaryLike, scrypt } from 'node:crypto'
import { isSameBytes } from '../../constant-time.ts'
import { assertLength, assertMemoryBound, fromBase64, HashRefused, type ReadHash } from './hash.ts'

/** RFC 7914: N blocks of r times 128 bytes, p times. */
export interface ScryptCost {
  N: number
  r: number
  p: number
}

const WERKZEUG = /^scrypt:(?<N>\d{1,10}):(?<r>\d{1,6}):(?<p>\d{1,6})\$(?<salt>[^$\p{C}]+)\$(?<hex>[\da-f]+)$/u
const DJANGO =
  /^scrypt\$(?<N>\d{1,10})\$(?<salt>[^$\p{C}]+)\$(?<r>\d{1,6})\$(?<p>\d{1,6})\$(?<hash>[\w+/]+=*)$/u
const PASSLIB =
  /^\$scrypt\$ln=(?<ln>\d{1,2}),r=(?<r>\d{1,6}),p=(?<p>\d{1,6})\$(?<salt64>[\w+./-]+=*)\$(?<hash>[\w+./-]+=*)$/

/** Reads scrypt as Werkzeug, Django and passlib write it. */
export const readScrypt: ReadHash = (text) => {
  const parts = [WERKZEUG, DJANGO, PASSLIB].map((shape) => shape.exec(text)?.groups).find(Boolean)
  if (!parts) return undefined
  const { N, ln, r, p, salt = '', salt64, hash = '', hex } = parts
  const cost = { N: N === undefined ? 2 ** Number(ln) : Number(N), r: Number(r), p: Number(p) }
  assertScryptBound(cost)
  const expected = hex === undefined ? fromBase64(hash) : Buffer.from(hex, 'hex')
  assertLength(expected)
  const salted = salt64 === undefined ? Buffer.from(salt) : fromBase64(salt64)
  return {
    format: 'scrypt',
    compare: async (password) =>
      isSameBytes(await deriveScrypt(password, salted, expected.length, cost), expected)
  }
}

/** Asserts that scrypt can have this cost, and that it is within the bounds. Throws a HashRefused. */
export function assertScryptBound({ N, r, p }: ScryptCost): void {
  if (N < 2 || !Number.isInteger(Math.log2(N)) || r < 1 || p < 1)
    throw new HashRefused('scrypt cannot have these parameters')
  assertMemoryBound('scrypt', 128 * r * Math.max(N, p), p)
}

/** Derives a key in a thread of the pool. */
export function deriveScrypt(
  password: string,
  salt: BinaryLike,
  length: number,
  { N, r, p }: ScryptCost
): Promise<Buffer> {
  // OpenSSL counts the blocks of all lanes, and a little more.
  const maxmem = 128 * r * (N + p + 2) + 1024
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, { N, r, p, maxmem }, (error, key) =>
      error ? reject(error) : resolve(key)
    )
  })
}
