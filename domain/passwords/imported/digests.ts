import { createHash, createHmac } from 'node:crypto'
import type { FastHash, ReadFastHash } from './fast-hash.ts'

const LENGTHS: Record<string, number> = { md5: 32, sha1: 40, sha256: 64, sha512: 128 }
const DIGEST =
  /^(?<kind>(?:hmac-)?(?<algorithm>md5|sha1|sha256|sha512)(?:-salt-after)?)\$(?<salt>[^$\p{C}]{0,128})\$(?<hex>[\da-fA-F]*)$/u

type Digest = (algorithm: string, salt: string, password: string) => string

/** The ways to mix the salt with the password. Without a salt, the first two are the same. */
const MIXTURES: Array<[kind: RegExp, digest: Digest]> = [
  [/^hmac-\w+$/, (algorithm, salt, password) => createHmac(algorithm, salt).update(password).digest('hex')],
  [/-salt-after$/, (algorithm, salt, password) => hex(algorithm, password + salt)],
  [/^\w+$/, (algorithm, salt, password) => hex(algorithm, salt + password)]
]

/**
 * Reads a bare digest in Django's form: `sha1$SALT$HEX`, with or without a salt before the password. `sha1-salt-after$` has it
 * after the password, `hmac-sha1$` as the key.
 */
export const readDigest: ReadFastHash = (text) => {
  const { kind = '', algorithm = '', salt = '', hex } = DIGEST.exec(text)?.groups ?? {}
  const digest = MIXTURES.find(([mixture]) => mixture.test(kind))?.[1]
  if (hex === undefined || !digest || (hex !== '' && hex.length !== LENGTHS[algorithm])) return undefined
  return {
    format: kind,
    recipe: `${kind}$${salt}`,
    digest: hex.toLowerCase(),
    digestOf: async (password) => digest(algorithm, salt, password)
  } satisfies FastHash
}

const hex = (algorithm: string, text: string) => createHash(algorithm).update(text).digest('hex')
