import { createCipheriv } from 'node:crypto'
import { isSameBytes } from '../../constant-time.ts'
import { fromBase64, HashRefused, type ReadHash } from './hash.ts'
import { assertScryptBound, deriveScrypt } from './scrypt.ts'

/** Firebase's scrypt with the parameters of the project: `n` and `r` are its `mem_cost` and `rounds`. Supabase writes it so, too. */
const FIREBASE =
  /^\$(?:firebase-scrypt|fbscrypt)\$v=1,n=(?<n>\d{1,2}),r=(?<r>\d{1,6}),p=(?<p>\d{1,6})(?:,ss=(?<separator>[\w+/-]+=*))?,sk=(?<signer>[\w+/-]+=*)\$(?<salt>[\w+/-]+=*)\$(?<hash>[\w+/-]+=*)$/

/** Reads Firebase's scrypt: it encrypts the project's signer key by AES-CTR, with the derived key. */
export const readFirebase: ReadHash = (text) => {
  const parts = FIREBASE.exec(text)?.groups
  if (!parts) return undefined
  const cost = { N: 2 ** Number(parts.n), r: Number(parts.r), p: Number(parts.p) }
  assertScryptBound(cost)
  const [signer, expected] = [fromBase64(parts.signer ?? ''), fromBase64(parts.hash ?? '')]
  if (signer.length !== expected.length || expected.length < 32)
    throw new HashRefused('the hash and the signer key of firebase-scrypt have the same length')
  const salt = Buffer.concat([fromBase64(parts.salt ?? ''), fromBase64(parts.separator ?? '')])
  return {
    format: 'firebase-scrypt',
    async compare(password) {
      const cipher = createCipheriv(
        'aes-256-ctr',
        await deriveScrypt(password, salt, 32, cost),
        Buffer.alloc(16)
      )
      return isSameBytes(cipher.update(signer), expected)
    }
  }
}
