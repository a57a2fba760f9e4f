import { generateKeyPairSync } from 'node:crypto'
import type { JWK } from 'jose'
import t from 'tap'
import { publicKeysOf } from '../../../domain/clients/public-keys.ts'
import type { Problem } from '../../../domain/errors.ts'
import {
  closePrimes,
  publicOf,
  rocaPrimes,
  rsaOf,
  rsaPublic,
  smallOrderPoints
} from '../../verifier/weak-keys.ts'

const ec = (namedCurve: string) => jwkOf(generateKeyPairSync('ec', { namedCurve }))
const rsa = (modulusLength: number) => jwkOf(generateKeyPairSync('rsa', { modulusLength }))
const ed25519 = jwkOf(generateKeyPairSync('ed25519'))
const p256 = ec('P-256')
const rsa2048 = rsa(2048)

function jwkOf({ publicKey }: { publicKey: { export(options: { format: 'jwk' }): object } }): JWK {
  return publicKey.export({ format: 'jwk' }) as JWK
}

function faultOf(keys: JWK[]): unknown {
  try {
    return publicKeysOf(keys)
  } catch (error) {
    const { code, errors } = error as Problem
    return { code, errors }
  }
}

const refused = (index: number) => ({
  code: 'invalid_request',
  errors: [
    {
      pointer: `/jwks/keys/${index}`,
      code: 'key',
      detail: 'This is no public key for signatures of ours.'
    }
  ]
})

t.test('each key gets the algorithm of its kind, and keeps all else', async (t) => {
  const given = [{ ...p256, kid: 'a', use: 'sig' }, ed25519, rsa2048]
  const [first, second, third, ...rest] = publicKeysOf(given)
  t.strictSame(first, { ...p256, kid: 'a', use: 'sig', alg: 'ES256' })
  t.strictSame({ ...second, alg: undefined }, { ...ed25519, alg: undefined })
  t.match(second?.alg, /^(EdDSA|Ed25519)$/)
  t.strictSame(third, { ...rsa2048, alg: 'RS256' })
  t.strictSame(rest, [])
  t.strictSame(publicKeysOf([]), [])
  t.strictSame(publicKeysOf([rsa(3072)])[0]?.alg, 'RS256')
})

t.test('an algorithm that is named must be that of the key', async (t) => {
  t.equal(publicKeysOf([{ ...p256, alg: 'ES256' }])[0]?.alg, 'ES256')
  for (const [key, wrong] of [
    [p256, 'RS256'],
    [p256, 'ES384'],
    [p256, 'none'],
    [ed25519, 'ES256'],
    [rsa2048, 'PS256'],
    [rsa2048, 'HS256']
  ] as Array<[JWK, string]>) {
    t.strictSame(faultOf([{ ...key, alg: wrong }]), refused(0), wrong)
  }
})

t.test('F7: a key by which anybody could sign in the client’s name is refused', async (t) => {
  const n = BigInt(`0x${Buffer.from(rsa2048.n as string, 'base64url').toString('hex')}`)
  const weak = {
    'e = 1': rsaPublic(n, 1n),
    'e = 3': rsaPublic(n, 3n),
    'an even n': rsaPublic(n + 1n),
    '2^2048 - 1': rsaPublic(2n ** 2048n - 1n),
    'the ROCA fault': publicOf(rsaOf(...rocaPrimes(2048))),
    'primes that are close': publicOf(rsaOf(...closePrimes(2048))),
    'an Ed25519 point of small order': {
      kty: 'OKP',
      crv: 'Ed25519',
      x: smallOrderPoints()[0]?.toString('base64url')
    }
  }
  for (const [name, key] of Object.entries(weak)) t.strictSame(faultOf([p256, key as JWK]), refused(1), name)
})

t.test('the first that is none of ours is named by its place', async (t) => {
  const wrong: JWK[] = [
    ec('P-384'),
    ec('P-521'),
    ec('secp256k1'),
    rsa(1024),
    rsa(2047),
    jwkOf(generateKeyPairSync('x25519')),
    jwkOf(generateKeyPairSync('ed448')),
    { kty: 'oct', k: 'c2VjcmV0' },
    { kty: 'EC', crv: 'P-256' },
    { ...p256, y: p256.x as string },
    { kty: 'OKP', crv: 'Ed25519', x: 'AAAA' },
    { kty: 'RSA', n: '', e: 'AQAB' },
    {} as JWK
  ]
  for (const key of wrong) {
    t.strictSame(faultOf([key]), refused(0), JSON.stringify(key))
    t.strictSame(faultOf([p256, ed25519, key, {} as JWK]), refused(2))
  }
})

t.test('Ed25519 is EdDSA by its name of today', async (t) => {
  const { publicKey } = generateKeyPairSync('ed25519')
  const jwk = publicKey.export({ format: 'jwk' }) as JWK
  t.strictSame(publicKeysOf([{ ...jwk, alg: 'Ed25519' }]), [{ ...jwk, alg: 'EdDSA' }])
})
