/** A password hash of another system, whose cost is within the bounds. */
export interface ImportedHash {
  /** The name of its format, for the audit trail. */
  format: string
  /** Compares a password, as it was typed. */
  compare(password: string): Promise<boolean>
}

/** Reads a hash of one family. Returns undefined if it is of another. Throws a HashRefused. */
export type ReadHash = (text: string) => ImportedHash | undefined

/** Says why a hash cannot be used. The message never contains the hash. */
export class HashRefused extends Error {}

/** Bytes of memory for one comparison, and bytes that it may write in all. */
const MOST_MEMORY = 256 * 1024 * 1024
const MOST_TRAFFIC = 4 * MOST_MEMORY

/** Asserts that a memory-hard hash is within the bounds. Throws a HashRefused. */
export function assertMemoryBound(format: string, memory: number, passes: number): void {
  if (memory > MOST_MEMORY)
    throw new HashRefused(`its cost is too high: at most 256 MiB of memory for ${format}`)
  if (memory * passes > MOST_TRAFFIC)
    throw new HashRefused(`its cost is too high: at most 1 GiB of memory in all passes of ${format}`)
}

/** Decodes Base64, and its spellings for URLs (RFC 4648 §5) and of passlib, which writes a dot for a plus. */
export function fromBase64(text: string): Buffer {
  return Buffer.from(text.replaceAll('.', '+'), 'base64')
}

/** Bytes of a hash. A shorter one matches by chance, a longer one multiplies the work. */
const LEAST_LENGTH = 16
const MOST_LENGTH = 64

/** Asserts that a decoded hash has a length that a password hash can have. Throws a HashRefused. */
export function assertLength({ length }: Buffer): void {
  if (length < LEAST_LENGTH || length > MOST_LENGTH)
    throw new HashRefused(`it has ${length} bytes: ${LEAST_LENGTH} to ${MOST_LENGTH} are possible`)
}
