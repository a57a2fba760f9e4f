import { createHash } from 'node:crypto'
import { crypt64, type ReadFastHash } from './fast-hash.ts'

const SHAPE = /^\$(?<magic>1|apr1)\$(?<salt>[^$\p{C}]{0,8})\$(?<digest>[./\dA-Za-z]{22})?$/u
const ROUNDS = 1000
/** The order in which md5crypt writes the bytes of its digest. */
const ORDER = [
  [0, 6, 12],
  [1, 7, 13],
  [2, 8, 14],
  [3, 9, 15],
  [4, 10, 5]
]

/** Reads md5crypt of crypt(3), and Apache's variant of it. */
export const readMd5Crypt: ReadFastHash = (text) => {
  const { magic, salt = '', digest = '' } = SHAPE.exec(text)?.groups ?? {}
  if (magic === undefined) return undefined
  return {
    format: 'md5crypt',
    recipe: `${magic}$${salt}`,
    digest,
    digestOf: async (password) => md5Crypt(Buffer.from(password), Buffer.from(salt), `$${magic}$`)
  }
}

function md5Crypt(password: Buffer, salt: Buffer, magic: string): string {
  const inner = md5(password, salt, password)
  const start: Buffer[] = [password, Buffer.from(magic), salt]
  for (let left = password.length; left > 0; left -= 16) start.push(inner.subarray(0, Math.min(16, left)))
  for (let bits = password.length; bits > 0; bits >>= 1)
    start.push((bits & 1) === 1 ? Buffer.of(0) : password.subarray(0, 1))
  let digest = md5(...start)
  for (let round = 0; round < ROUNDS; round += 1) {
    const isOdd = round % 2 === 1
    const parts = [isOdd ? password : digest]
    if (round % 3 !== 0) parts.push(salt)
    if (round % 7 !== 0) parts.push(password)
    parts.push(isOdd ? digest : password)
    digest = md5(...parts)
  }
  return written(digest)
}

function written(digest: Buffer): string {
  const byte = (n = 0) => digest[n] as number
  const triples = ORDER.map(([a, b, c]) => crypt64((byte(a) << 16) | (byte(b) << 8) | byte(c), 4))
  return triples.join('') + crypt64(byte(11), 2)
}

function md5(...parts: Buffer[]): Buffer {
  const hash = createHash('md5')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
