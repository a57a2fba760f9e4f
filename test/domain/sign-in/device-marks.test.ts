import { createHmac, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { DAY, MINUTE } from '../../../domain/clock.ts'
import { uuidv7 } from '../../../domain/id.ts'
import { deriveKeys } from '../../../domain/keys/master-key.ts'
import { createDeviceMarks, DEVICE_LIFETIME } from '../../../domain/sign-in/device-marks.ts'
import { createClock } from '../../harness/clock.ts'

const [master, previous] = [randomBytes(48), randomBytes(48)]
const key = deriveKeys(master).deviceMark
const clock = createClock()
const marks = createDeviceMarks({ clock, key })
const newAccount = () => ({ id: uuidv7(), deviceEpoch: 0 })
const ada = newAccount()

t.test('a mark is known by its account, and by no other', async (t) => {
  const cookie = marks.add([], ada)
  t.match(cookie, /^[A-Za-z0-9_-]{70}$/)
  t.match(marks.recognise([cookie], ada), /^[A-Za-z0-9_-]{22}$/)
  t.equal(marks.recognise([cookie], newAccount()), undefined)
  t.equal(marks.recognise([cookie], { ...ada, deviceEpoch: 1 }), undefined, 'nor after a new password')
  t.equal(marks.recognise([cookie], undefined), undefined, 'nor by an address without account')
})

t.test('each mark is another, and names no account', async (t) => {
  const cookies = Array.from({ length: 100 }, () => marks.add([], ada))
  t.equal(new Set(cookies).size, 100)
  t.equal(new Set(cookies.map((cookie) => marks.recognise([cookie], ada))).size, 100)
  const bytes = cookies.map((cookie) => Buffer.from(cookie, 'base64url').toString('latin1'))
  t.notOk(bytes.some((text) => text.includes(ada.id)))
})

t.test('a browser of several people is known by each of the last five', async (t) => {
  const people = Array.from({ length: 7 }, newAccount)
  let cookie = ''
  for (const person of people) cookie = marks.add([cookie], person)
  t.equal(cookie.length, 5 * 70 + 4)
  const known = people.map((person) => marks.recognise([cookie], person) !== undefined)
  t.strictSame(known, [false, false, true, true, true, true, true])
})

t.test('signing in again replaces a person’s own mark, and leaves the others', async (t) => {
  const bob = newAccount()
  const before = marks.add([marks.add([], ada)], bob)
  const after = marks.add([before], bob)
  t.equal(after.length, before.length)
  t.not(marks.recognise([after], bob), marks.recognise([before], bob))
  t.equal(marks.recognise([after], ada), marks.recognise([before], ada))
})

t.test('a mark ends after 400 days, whatever the browser keeps', async (t) => {
  const cookie = marks.add([], ada)
  clock.advance(DEVICE_LIFETIME - MINUTE)
  t.ok(marks.recognise([cookie], ada))
  clock.advance(2 * MINUTE)
  t.equal(marks.recognise([cookie], ada), undefined)
  t.equal(marks.add([cookie], newAccount()).length, 70, 'nor is it carried on')
  clock.advance(-400 * DAY)
})

t.test('marks under the previous master key count, and new ones are under the current one', async (t) => {
  const old = createDeviceMarks({ clock, key: deriveKeys(previous).deviceMark })
  const both = createDeviceMarks({ clock, key: deriveKeys(master, previous).deviceMark })
  const cookie = old.add([], ada)
  t.equal(marks.recognise([cookie], ada), undefined)
  t.ok(both.recognise([cookie], ada))
  const renewed = both.add([cookie], ada)
  t.equal(renewed.length, 70, 'it replaces the old one')
  t.ok(marks.recognise([renewed], ada))
})

t.test('no other of our keys makes a mark', async (t) => {
  const keys = deriveKeys(master)
  for (const other of [keys.refreshToken, keys.csrfToken, keys.throttle, keys.clientSecret]) {
    const cookie = createDeviceMarks({ clock, key: other }).add([], ada)
    t.equal(marks.recognise([cookie], ada), undefined)
  }
})

t.test('nothing forged, changed or misspelt counts, and nothing is too long', async (t) => {
  const cookie = marks.add([], ada)
  const bytes = Buffer.from(cookie, 'base64url')
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const changed = Buffer.from(bytes)
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
    t.equal(marks.recognise([changed.toString('base64url')], ada), undefined, `bit ${bit}`)
  }
  for (let length = 0; length < cookie.length; length += 1)
    t.equal(marks.recognise([cookie.slice(0, length)], ada), undefined, `${length} characters`)
  const forged = Buffer.concat([
    bytes.subarray(0, 20),
    createHmac('sha256', randomBytes(32)).update(bytes.subarray(0, 20)).update(`0 ${ada.id}`).digest()
  ])
  for (const text of [
    forged.toString('base64url'),
    `${cookie}=`,
    `"${cookie}"`,
    ` ${cookie}`,
    cookie.replace(/.$/, 'B'),
    Buffer.from(cookie, 'base64url').toString('base64'),
    `v1.${cookie}x`
  ]) {
    t.equal(marks.recognise([text], ada), undefined, text)
  }
  fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => marks.recognise([text], ada) === undefined))

  const long = Array.from({ length: 60 }, () => randomBytes(52).toString('base64url')).join('.')
  t.ok(long.length > 4096)
  t.equal(marks.recognise([long, '.'.repeat(16_000)], ada), undefined)
  t.ok(marks.add([long], ada).length <= 5 * 70 + 4)
})
