import { createHmac, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { hashClientSecret, hashesOf, isKept, makeClientSecret } from '../../../domain/clients/secret.ts'
import { deriveKeys } from '../../../domain/keys/master-key.ts'

const [master, previous] = [randomBytes(48), randomBytes(48)]
const key = deriveKeys(master).clientSecret
const both = deriveKeys(master, previous).clientSecret
const before = deriveKeys(previous).clientSecret

t.test('a secret is 256 random bits, marked as one of ours', async (t) => {
  const secrets = Array.from({ length: 1000 }, makeClientSecret)
  for (const secret of secrets) t.match(secret, /^ghs_[A-Za-z0-9_-]{43}$/)
  t.equal(new Set(secrets).size, 1000)
  const bytes = Buffer.from((secrets[0] as string).slice(4), 'base64url')
  t.equal(bytes.length, 32)
})

t.test('its hash is HMAC-SHA-256 under a key of its own purpose', async (t) => {
  const secret = makeClientSecret()
  const expected = createHmac('sha256', key.current).update(secret).digest('base64url')
  t.equal(hashClientSecret(secret, key.current), expected)
  const { refreshToken, csrfToken, throttle } = deriveKeys(master)
  for (const other of [refreshToken, csrfToken, throttle])
    t.not(hashClientSecret(secret, other.current), expected)
})

t.test('it is known again by its hash, under the current key and the previous one', async (t) => {
  const secret = makeClientSecret()
  t.equal(isKept(hashesOf(secret, key), hashClientSecret(secret, key.current)), true)
  t.equal(isKept(hashesOf(secret, both), hashClientSecret(secret, before.current)), true)
  t.equal(isKept(hashesOf(secret, key), hashClientSecret(secret, before.current)), false)
})

t.test('nothing else is, and no hash is too short or too long to be compared', async () => {
  const secret = makeClientSecret()
  const hash = hashClientSecret(secret, key.current)
  fc.assert(fc.property(fc.string(), (text) => text === secret || !isKept(hashesOf(text, key), hash)))
  fc.assert(fc.property(fc.string(), (text) => text === hash || !isKept(hashesOf(secret, both), text)))
})
