import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  publicDecrypt,
  randomBytes
} from 'node:crypto'
import t from 'tap'
import {
  judgePublicKey,
  LEAST_RSA_BITS,
  LEAST_RSA_BITS_OF_CLIENTS,
  UnfitKeyError
} from '../../verifier/public-key.ts'
import { verifierFor } from './gatehouse.ts'
import { impersonate, json, person } from './impostor.ts'
import { outcomeOf, refusedAs, signer } from './tokens.ts'
import {
  closePrimes,
  primeFor,
  publicOf,
  rocaPrimes,
  rsaOf,
  rsaPublic,
  smallOrderPoints
} from './weak-keys.ts'

const keyOf = (jwk: JsonWebKey) => createPublicKey({ key: jwk, format: 'jwk' })
const judged = (key: KeyObject, bits = LEAST_RSA_BITS_OF_CLIENTS) => judgePublicKey(key, bits)
const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).publicKey
const product = (jwk: JsonWebKey) => BigInt(`0x${Buffer.from(jwk.n ?? '', 'base64url').toString('hex')}`)
const good = rsa(2048).export({ format: 'jwk' })
const odd = product(good)

t.test('good keys have the algorithm of their kind', async (t) => {
  for (let round = 0; round < 50; round += 1) {
    t.equal(judged(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey), 'ES256')
    t.equal(judged(generateKeyPairSync('ed25519').publicKey), 'EdDSA')
  }
  for (let round = 0; round < 5; round += 1) t.equal(judged(rsa(2048)), 'RS256')
  t.equal(judged(rsa(3072), LEAST_RSA_BITS), 'RS256')
  const exponent = 65_539n
  const other = rsaOf(primeFor(exponent, 1024), primeFor(exponent, 1024), exponent)
  t.equal(judged(keyOf(publicOf(other))), 'RS256', 'with another exponent')
})

t.test('F7: an RSA key by which anybody could sign is refused, and why is said', async (t) => {
  const [p, q] = [primeFor(3n, 1024), primeFor(3n, 1024)]
  const exponent = /public exponent is not an odd number of 65537 or more/
  const weak: Array<[name: string, jwk: JsonWebKey, reason: RegExp]> = [
    ['e = 1', rsaPublic(odd, 1n), exponent],
    ['e = 3', publicOf(rsaOf(p, q, 3n)), exponent],
    ['e = 65535', rsaPublic(odd, 65_535n), exponent],
    ['an even e', rsaPublic(odd, 65_538n), exponent],
    ['e of 257 bits', rsaPublic(odd, (1n << 256n) + 1n), exponent],
    ['an even n', rsaPublic(odd + 1n), /modulus is even/],
    ['2^2048 - 1', rsaPublic((1n << 2048n) - 1n), /small factor/],
    ['a factor of 743', rsaPublic(743n * (odd | 1n)), /small factor/],
    ['a prime, 2^3217 - 1', rsaPublic((1n << 3217n) - 1n), /modulus is a prime/],
    ['the ROCA fault', publicOf(rsaOf(...rocaPrimes(2048))), /ROCA/],
    ['primes that are close', publicOf(rsaOf(...closePrimes(2048))), /close to each other/],
    ['a square', rsaPublic(p * p), /close to each other/]
  ]
  for (const [name, jwk, reason] of weak) {
    const error = thrownBy(() => judged(keyOf(jwk)))
    t.ok(error instanceof UnfitKeyError, name)
    t.match((error as Error).message, reason, name)
  }
})

t.test(
  'F7: with an exponent of 1 a signature is the padded digest itself, which anybody can write',
  async (t) => {
    const forged = Buffer.concat([
      Buffer.from([0, 1]),
      Buffer.alloc(200, 0xff),
      Buffer.from([0]),
      randomBytes(53)
    ])
    const key = keyOf(rsaPublic(odd, 1n))
    t.ok(publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, forged).equals(forged.subarray(-53)))
  }
)

t.test('ASVS 11.2.3: RSA has 3,072 bits to sign tokens, 2,048 to prove a client', async (t) => {
  t.throws(() => judged(rsa(2048), LEAST_RSA_BITS), { message: 'An RSA key has 3072 bits or more.' })
  t.throws(() => judged(rsa(1024)), { message: 'An RSA key has 2048 bits or more.' })
  t.throws(() => judged(keyOf(rsaPublic((odd >> 1n) | 1n))), { message: 'An RSA key has 2048 bits or more.' })
})

t.test('an Ed25519 key of small order is refused: it has signatures that anybody can make', async (t) => {
  const points = smallOrderPoints()
  t.equal(points.length, 7)
  for (const point of points)
    for (const sign of [0, 0x80]) {
      const bytes = Buffer.from(point)
      bytes[31] = (bytes[31] as number) | sign
      const key = keyOf({ kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') })
      t.throws(() => judged(key), { message: /small order/ }, bytes.toString('hex'))
    }
})

t.test('a P-256 point that is not on the curve is no key, as JWK and as SPKI', async (t) => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = publicKey.export({ format: 'jwk' })
  for (const [x, y] of [
    [jwk.x, jwk.x],
    [Buffer.alloc(32).toString('base64url'), Buffer.alloc(32).toString('base64url')]
  ] as Array<[string, string]>)
    t.throws(() => keyOf({ kty: 'EC', crv: 'P-256', x, y }))
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  spki[spki.length - 1] = (spki.at(-1) as number) ^ 1
  t.throws(() => createPublicKey({ key: spki, format: 'der', type: 'spki' }))
})

t.test('other kinds of keys are refused', async (t) => {
  const others = [
    generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
    generateKeyPairSync('ed448'),
    generateKeyPairSync('x25519'),
    generateKeyPairSync('rsa-pss', { modulusLength: 2048 })
  ]
  for (const { publicKey } of others)
    t.throws(() => judged(publicKey), { message: 'Keys are P-256, Ed25519 or RSA.' })
})

t.test('F7: in the JWKS a key by which anybody could sign counts for nothing', async (t) => {
  const pairOf = (jwk: JsonWebKey) => createPrivateKey({ key: jwk, format: 'jwk' })
  const weak: Record<string, KeyObject> = {
    '1,024 bits': generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey,
    '2,048 bits': generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
    'e = 1': pairOf(rsaOf(primeFor(1n, 1536), primeFor(1n, 1536), 1n)),
    'e = 3': pairOf(rsaOf(primeFor(3n, 1536), primeFor(3n, 1536), 3n)),
    'the ROCA fault': pairOf(rsaOf(...rocaPrimes(3072)))
  }
  for (const [name, privateKey] of Object.entries(weak)) {
    const impostor = await impersonate(t)
    const names = { kid: 'weak', alg: 'RS256', use: 'sig' }
    const jwk = { ...publicOf(privateKey.export({ format: 'jwk' })), ...names }
    impostor.jwks = json({ keys: [impostor.key.jwk, jwk] })
    const token = signer({ kid: 'weak', algorithm: 'RS256', privateKey })(person(impostor.issuer))
    const verifier = verifierFor(t, impostor)
    t.strictSame(await outcomeOf(verifier.verify(token)), refusedAs('unauthorized'), name)
    t.equal((await verifier.verify(impostor.token())).subject, 'ada', 'the good key beside it counts')
  }
})

function thrownBy(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}
