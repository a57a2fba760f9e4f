import { v7 } from 'uuid'

/** A new UUIDv7 (RFC 9562 §5.7): unique, and in order of creation. An identifier, never a secret. */
export function uuidv7(): string {
  return v7()
}
