import { createSecretKey, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { uuidv7 } from '../../../domain/id.ts'
import { isGenuine, readRefreshToken, sealRefreshToken } from '../../../domain/sessions/refresh-token.ts'

const LENGTH = 52
const newKey = () => createSecretKey(randomBytes(32))
const key = newKey()
const session = { id: uuidv7(), seed: randomBytes(32).toString('base64url') }
const generations = fc.integer({ min: 0, max: 2 ** 32 - 1 })

const isGood = (text: string, of = session, under = key) => {
  const token = readRefreshToken(text)
  return token !== undefined && isGenuine(token, of, [under])
}

t.test('a token says which session and which generation it is of, for any generation', async () => {
  fc.assert(
    fc.property(generations, (generation) => {
      const token = readRefreshToken(sealRefreshToken(session, generation, key))
      return (
        token?.sessionId === session.id && token.generation === generation && isGenuine(token, session, [key])
      )
    })
  )
})

t.test('the same session and generation make the same token', async (t) => {
  t.equal(sealRefreshToken(session, 7, key), sealRefreshToken(session, 7, key))
  t.not(sealRefreshToken(session, 7, key), sealRefreshToken(session, 8, key))
})

t.test('a token with any bit flipped is not genuine', async (t) => {
  const bytes = Buffer.from(sealRefreshToken(session, 3, key), 'base64url')
  t.equal(bytes.length, LENGTH)
  for (let bit = 0; bit < LENGTH * 8; bit += 1) {
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    if (isGood(flipped.toString('base64url'))) t.fail(`bit ${bit}`)
  }
  t.ok(isGood(bytes.toString('base64url')))
})

t.test('a token has one spelling: no other character, padding, space or alphabet will do', async () => {
  const good = sealRefreshToken(session, 3, key)
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, character) => {
      const changed = good.slice(0, at) + character + good.slice(at + 1)
      return changed === good || !isGood(changed)
    }),
    { numRuns: 5000 }
  )
  for (const changed of [
    `${good}=`,
    `${good} `,
    ` ${good}`,
    `${good}A`,
    good.slice(0, -1),
    `${good}.${good}`
  ]) {
    if (isGood(changed)) throw new Error(changed)
  }
})

t.test('neither another key nor another seed nor another session makes or takes a token', async (t) => {
  const token = sealRefreshToken(session, 1, key)
  t.ok(isGood(token))
  t.notOk(isGood(token, session, newKey()))
  t.notOk(isGood(token, { ...session, seed: randomBytes(32).toString('base64url') }))
  t.notOk(isGood(token, { ...session, id: uuidv7() }))
})

t.test('any other text is no token, and breaks nothing', async () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc
      .uint8Array({ minLength: LENGTH, maxLength: LENGTH })
      .map((bytes) => Buffer.from(bytes).toString('base64url'))
  )
  fc.assert(
    fc.property(text, (value) => !isGood(value)),
    { numRuns: 3000 }
  )
})
