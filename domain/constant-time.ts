import { timingSafeEqual } from 'node:crypto'

/** Returns whether two texts are equal, in constant time. Their lengths are not secret. */
export function isSameText(one: string, other: string): boolean {
  return isSameBytes(Buffer.from(one), Buffer.from(other))
}

/** Returns whether the bytes are equal, in constant time. Their number is not secret. */
export function isSameBytes(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}
