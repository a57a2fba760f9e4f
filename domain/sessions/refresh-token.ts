import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { parse, stringify } from 'uuid'
import type { Session } from '../model/session.ts'

const ID_BYTES = 16
const GENERATION_BYTES = 4
const MAC_BYTES = 32
const LENGTH = ID_BYTES + GENERATION_BYTES + MAC_BYTES

/** The parts of a refresh token. Do not trust them before `isGenuine` has verified the token. */
export interface RefreshToken {
  sessionId: string
  generation: number
  mac: Buffer
}

/**
 * Returns the refresh token of one generation of a session: session id, generation, and a MAC over both and the row's random
 * seed. It is computed, not stored, so that neither the database nor the master key alone can make one.
 */
export function sealRefreshToken(
  session: Pick<Session, 'id' | 'seed'>,
  generation: number,
  key: KeyObject
): string {
  const body = encodeBody(session.id, generation)
  return Buffer.concat([body, macOf(body, session.seed, key)]).toString('base64url')
}

/** Parses a token without verifying it. Returns undefined if the text has not the form of one. */
export function readRefreshToken(text: string): RefreshToken | undefined {
  const bytes = Buffer.from(text, 'base64url')
  // base64url allows several spellings of the same bytes: exactly one is accepted.
  if (bytes.length !== LENGTH || bytes.toString('base64url') !== text) return undefined
  try {
    return {
      sessionId: stringify(bytes.subarray(0, ID_BYTES)),
      generation: bytes.readUInt32BE(ID_BYTES),
      mac: bytes.subarray(ID_BYTES + GENERATION_BYTES)
    }
  } catch {
    return undefined
  }
}

/** Returns whether Gatehouse made this token for this session with one of these keys, for any generation. */
export function isGenuine(
  token: RefreshToken,
  session: Pick<Session, 'id' | 'seed'>,
  keys: KeyObject[]
): boolean {
  const body = encodeBody(session.id, token.generation)
  const isMade = keys.some((key) => timingSafeEqual(token.mac, macOf(body, session.seed, key)))
  return session.id === token.sessionId && isMade
}

function encodeBody(sessionId: string, generation: number): Buffer {
  const body = Buffer.alloc(ID_BYTES + GENERATION_BYTES)
  body.set(parse(sessionId))
  body.writeUInt32BE(generation, ID_BYTES)
  return body
}

function macOf(body: Buffer, seed: string, key: KeyObject): Buffer {
  return createHmac('sha256', key).update(body).update(seed).digest()
}
