import argon2 from 'argon2'
import { readArgon2 } from './argon2.ts'
import { readDigest } from './digests.ts'
import type { FastHash } from './fast-hash.ts'
import type { ReadHash } from './hash.ts'
import { readMd5Crypt } from './md5-crypt.ts'
import { readPhpass } from './phpass.ts'

const PREFIX = '$gatehouse-wrapped$'
const WRAPPED = /^\$gatehouse-wrapped\$(?<recipe>.+?)(?<phc>\$argon2id\$.+)$/

/** Reads a hash that is too fast to be stored. Returns undefined if it is none. */
export function readFastHash(text: string): FastHash | undefined {
  const fast = readAny(text)
  return fast?.digest === '' ? undefined : fast
}

/** Writes a fast hash as an argon2id hash of its digest, which `hash` computes. */
export async function wrap(
  { recipe, digest }: FastHash,
  hash: (digest: string) => Promise<string>
): Promise<string> {
  return `${PREFIX}${recipe}${await hash(digest)}`
}

/** Reads an argon2id hash of a fast hash, as `wrap` writes it. */
export const readWrapped: ReadHash = (text) => {
  const { recipe = '', phc = '' } = WRAPPED.exec(text)?.groups ?? {}
  const fast = readAny(`${recipe}$`) ?? readAny(`$${recipe}$`)
  if (!fast || !readArgon2(phc)) return undefined
  return {
    format: `wrapped ${fast.format}`,
    compare: async (password) => argon2.verify(phc, await fast.digestOf(password))
  }
}

function readAny(text: string): FastHash | undefined {
  return readDigest(text) ?? readMd5Crypt(text) ?? readPhpass(text)
}
