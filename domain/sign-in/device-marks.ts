import { createHmac, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto'
import { type Clock, DAY, SECOND } from '../clock.ts'
import type { DerivedKey } from '../keys/master-key.ts'
import type { User } from '../model/user.ts'

/** Milliseconds for which a browser stays known after its last sign-in: the longest that browsers keep a cookie. */
export const DEVICE_LIFETIME = 400 * DAY

const MARKS_KEPT = 5
const ID_BYTES = 16
const TIME_BYTES = 4
const MAC_BYTES = 32
const MARK = /^[A-Za-z0-9_-]{70}$/

/** The account that a mark is bound to, until its device epoch rises. */
export type Account = Pick<User, 'id' | 'deviceEpoch'>

interface Mark {
  text: string
  id: Buffer
  body: Buffer
  mac: Buffer
}

/** Stands in for an address without an account, so that the work is the same. No mark is ever made for it. */
const NO_ACCOUNT: Account = { id: '', deviceEpoch: 0 }

export type DeviceMarks = ReturnType<typeof createDeviceMarks>

/**
 * Reads and writes device cookies: up to five marks, one for each account that signed in with this browser, newest first. A
 * mark is a random id, a time, and a MAC over both and the account. It does not show which account. It is no credential: it
 * only chooses the count that a try belongs to.
 */
export function createDeviceMarks({ clock, key }: { clock: Clock; key: DerivedKey }) {
  function read(values: string[]): Mark[] {
    const texts = new Set(values.flatMap((value) => value.split('.')).filter((text) => MARK.test(text)))
    return [...texts].slice(0, MARKS_KEPT).flatMap((text) => readMark(text, clock()) ?? [])
  }

  const isOf = (account: Account, { body, mac }: Mark) =>
    key.accepted.some((each) => timingSafeEqual(mac, macOf(account, body, each)))

  return {
    /** Returns the id of this browser's mark for the account; undefined if the account does not know the browser. */
    recognise(values: string[], account: Account | undefined): string | undefined {
      const genuine = read(values).filter((mark) => isOf(account ?? NO_ACCOUNT, mark))
      return genuine[0]?.id.toString('base64url')
    },

    /** Returns a cookie value with a new mark for the account, and the browser's marks for other accounts. */
    add(values: string[], account: Account): string {
      const others = read(values).filter((mark) => !isOf(account, mark))
      const body = Buffer.alloc(ID_BYTES + TIME_BYTES)
      randomBytes(ID_BYTES).copy(body)
      body.writeUInt32BE(Math.floor(clock() / SECOND), ID_BYTES)
      const text = Buffer.concat([body, macOf(account, body, key.current)]).toString('base64url')
      return [text, ...others.map((mark) => mark.text)].slice(0, MARKS_KEPT).join('.')
    }
  }
}

function readMark(text: string, now: number): Mark | undefined {
  const bytes = Buffer.from(text, 'base64url')
  // base64url allows several spellings of the same bytes: exactly one is accepted.
  if (bytes.length !== ID_BYTES + TIME_BYTES + MAC_BYTES || bytes.toString('base64url') !== text)
    return undefined
  if (now - bytes.readUInt32BE(ID_BYTES) * SECOND > DEVICE_LIFETIME) return undefined
  const body = bytes.subarray(0, ID_BYTES + TIME_BYTES)
  return { text, id: bytes.subarray(0, ID_BYTES), body, mac: bytes.subarray(ID_BYTES + TIME_BYTES) }
}

function macOf({ id, deviceEpoch }: Account, body: Buffer, key: KeyObject): Buffer {
  return createHmac('sha256', key).update(body).update(`${deviceEpoch} ${id}`).digest()
}
