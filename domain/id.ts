import { v7 } from 'uuid'

/** Returns a new UUIDv7 (RFC 9562 §5.7): unique, and ordered by creation. It is an identifier, never a secret. */
export function uuidv7(): string {
  return v7()
}
