import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { parse, stringify } from 'uuid'

const ID_BYTES = 16
const GENERATION_BYTES = 4
const BODY_BYTES = ID_BYTES + GENERATION_BYTES
const MAC_BYTES = 32

/** The session that a browser is bound to, and the generation of its latest tokens. */
export interface SessionBinding {
  sessionId: string
  generation: number
}

/**
 * Returns the value of the session cookie: session id, generation and a MAC over both. It is no credential. It shows that
 * Gatehouse gave this browser the token next to it, and that no other host set that token.
 */
export function sealSessionBinding({ sessionId, generation }: SessionBinding, key: KeyObject): string {
  const body = Buffer.alloc(BODY_BYTES)
  body.set(parse(sessionId))
  body.writeUInt32BE(generation, ID_BYTES)
  return Buffer.concat([body, macOf(body, key)]).toString('base64url')
}

/** Reads the session cookie. Returns undefined unless one of these keys sealed it. */
export function readSessionBinding(text: string, keys: KeyObject[]): SessionBinding | undefined {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length !== BODY_BYTES + MAC_BYTES || bytes.toString('base64url') !== text) return undefined
  const body = bytes.subarray(0, BODY_BYTES)
  const mac = bytes.subarray(BODY_BYTES)
  if (!keys.some((key) => timingSafeEqual(mac, macOf(body, key)))) return undefined
  return {
    sessionId: stringify(body.subarray(0, ID_BYTES)),
    generation: body.readUInt32BE(ID_BYTES)
  }
}

function macOf(body: Buffer, key: KeyObject): Buffer {
  return createHmac('sha256', key).update(body).digest()
}
