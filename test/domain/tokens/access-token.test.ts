import t from 'tap'
import { MINUTE } from '../../../domain/clock.ts'
import { uuidv7 } from '../../../domain/id.ts'
import {
  fitsIntoCookie,
  LONGEST_ACCESS_TTL,
  lastTokenExpiry,
  userClaims
} from '../../../domain/tokens/access-token.ts'
import { isTimely } from '../../../verifier/claims.ts'

const NOW = 1_800_000_000_000
const seconds = NOW / 1000
const settings = {
  AUTH_ISSUER: 'https://a.example',
  AUTH_AUDIENCE: 'https://b.example',
  AUTH_ACCESS_TTL: 5 * MINUTE
}
const user = { id: uuidv7(), version: 4, roles: ['editor', 'user'], scope: ['a:b', 'c:d'] }
const session = { id: uuidv7(), authTime: NOW - 1500, expiresAt: NOW + 60 * MINUTE }

t.test('the claims are those of the contract, times in whole seconds', async (t) => {
  const { jti, ...claims } = userClaims(user, session, settings, NOW + 999)
  t.match(jti, /^[0-9a-f-]{36}$/)
  t.strictSame(claims, {
    iss: 'https://a.example',
    aud: 'https://b.example',
    sub: user.id,
    sid: session.id,
    iat: seconds,
    exp: seconds + 300,
    auth_time: seconds - 2,
    roles: ['editor', 'user'],
    scope: 'a:b c:d',
    ver: 4
  })
})

t.test('no two tokens have one jti', async (t) => {
  const jtis = Array.from({ length: 1000 }, () => userClaims(user, session, settings, NOW).jti)
  t.equal(new Set(jtis).size, 1000)
})

t.test('a token never outlives its session', async (t) => {
  const ending = { ...session, expiresAt: NOW + MINUTE }
  t.equal(userClaims(user, ending, settings, NOW).exp, seconds + 60)
})

t.test('what fits into a cookie is counted in bytes, with roles, scope, issuer and audience', async (t) => {
  const limitOf = (fits: (length: number) => boolean) => {
    let length = 0
    while (fits(length + 1)) length += 1
    return length
  }
  const ascii = limitOf((length) => fitsIntoCookie(['user'], ['s'.repeat(length)], settings))
  t.ok(ascii > 2000 && ascii < 3072, `${ascii}`)
  const longer = { ...settings, AUTH_AUDIENCE: `${settings.AUTH_AUDIENCE}/${'x'.repeat(99)}` }
  t.equal(ascii - limitOf((length) => fitsIntoCookie(['user'], ['s'.repeat(length)], longer)), 100)
  t.equal(
    ascii - limitOf((length) => fitsIntoCookie(['user', 'r'.repeat(61)], ['s'.repeat(length)], settings)),
    64
  )
})

t.test('a revocation lasts until the last token that it concerns is timely for nobody', async (t) => {
  const longest = { ...settings, AUTH_ACCESS_TTL: LONGEST_ACCESS_TTL }
  const claims = userClaims(user, { ...session, expiresAt: NOW + 2 * LONGEST_ACCESS_TTL }, longest, NOW)
  const end = lastTokenExpiry(NOW)
  t.equal(isTimely(claims, end - 60_000 - 1), true)
  t.equal(isTimely(claims, end), false)
})
