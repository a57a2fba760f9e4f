import { createHash } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { crypt64, crypt64Value, type ReadFastHash } from './fast-hash.ts'
import { HashRefused } from './hash.ts'

const SHAPE =
  /^\$(?<magic>[PH])\$(?<cost>[./\dA-Za-z])(?<salt>[./\dA-Za-z]{8})\$?(?<digest>[./\dA-Za-z]{22})?$/
/** Powers of two. WordPress has 13. */
const [LEAST_COST, MOST_COST] = [7, 16]
/** Rounds in one turn of the event loop: about a millisecond. */
const ROUNDS_A_TURN = 1024

/** Reads the portable hashes of phpass, as WordPress and phpBB write them: MD5, some thousand times. */
export const readPhpass: ReadFastHash = (text) => {
  const { magic, cost = '', salt = '', digest = '' } = SHAPE.exec(text)?.groups ?? {}
  if (magic === undefined) return undefined
  const power = crypt64Value(cost)
  if (power > MOST_COST)
    throw new HashRefused(`its cost is too high: at most 2^${MOST_COST} rounds of phpass`)
  if (power < LEAST_COST) throw new HashRefused(`phpass has 2^${LEAST_COST} rounds or more`)
  return {
    format: 'phpass',
    recipe: `${magic}$${cost}${salt}`,
    digest,
    digestOf: (password) => phpass(Buffer.from(password), Buffer.from(salt), 2 ** power)
  }
}

async function phpass(password: Buffer, salt: Buffer, rounds: number): Promise<string> {
  let digest = md5(salt, password)
  for (let round = 0; round < rounds; round += 1) {
    digest = md5(digest, password)
    if (round % ROUNDS_A_TURN === ROUNDS_A_TURN - 1) await turn()
  }
  return written(digest)
}

function written(digest: Buffer): string {
  let text = ''
  for (let at = 0; at < digest.length; at += 3) {
    const bytes = digest.subarray(at, at + 3)
    text += crypt64(bytes.readUIntLE(0, bytes.length), bytes.length + 1)
  }
  return text
}

const md5 = (one: Buffer, other: Buffer) => createHash('md5').update(one).update(other).digest()
