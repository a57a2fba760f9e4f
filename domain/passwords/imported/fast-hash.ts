/** A hash that is computed so fast that a thief of the database would guess the password. It is never stored as it is. */
export interface FastHash {
  format: string
  /** The hash without its digest, and without a dollar sign at either end: what it takes to compute the digest. */
  recipe: string
  /** The digest; empty if the text is a recipe only. */
  digest: string
  /** Computes the digest of a password. */
  digestOf(password: string): Promise<string>
}

/** Reads a fast hash of one family, or its recipe with a dollar sign at its end. Returns undefined if it is of another. */
export type ReadFastHash = (text: string) => FastHash | undefined

const ITOA64 = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Returns the value of a character in the Base64 of crypt(3); -1 if it has none. */
export const crypt64Value = (character: string): number => ITOA64.indexOf(character)

/** Writes a number in the Base64 of crypt(3), with the least significant character first. */
export function crypt64(value: number, length: number): string {
  return Array.from({ length }, (_, n) => ITOA64.charAt((value >> (6 * n)) & 63)).join('')
}
