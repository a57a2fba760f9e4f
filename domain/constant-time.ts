import { timingSafeEqual } from 'node:crypto'

/** Returns whether two texts are equal, in constant time. Their lengths are not secret. */
export function isSameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}
