import {
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  randomBytes,
  sign,
  verify
} from 'node:crypto'
import { calculateJwkThumbprint, type JWK } from 'jose'
import t from 'tap'
import { Problem } from '../../../domain/errors.ts'
import { deriveKeys, MasterKeyError } from '../../../domain/keys/master-key.ts'
import {
  generateSigningKey,
  isAltered,
  openKey,
  publicJwk,
  readSigningKey,
  resealed,
  type SealedKey
} from '../../../domain/keys/signing-key.ts'
import { ALGORITHMS } from '../../../verifier/sources.ts'
import { primeFor, publicOf, rocaPrimes, rsaOf } from '../../verifier/weak-keys.ts'

const NO_PRIVATE_KEY = 'This is no private key in PEM or JWK form, without a passphrase.'
const NO_KEY_OF_OURS = 'Keys are P-256, Ed25519 or RSA.'
const TOO_SHORT = 'An RSA key has 3072 bits or more.'
const TOO_LONG = 'An RSA key has 4096 bits at most: its tokens must fit into a cookie.'
const NO_PAIR = 'The private and the public half are not of one key.'
const weak = (why: string) => `This RSA key is weak: ${why}.`
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

const wrapKeys = deriveKeys(randomBytes(48)).signingKeyWrap
const read = (text: string) => readSigningKey(text, wrapKeys.current)
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve })
const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength })
const pem = (key: KeyObject, type: 'pkcs8' | 'sec1' | 'pkcs1') =>
  key.export({ type, format: 'pem' } as { type: 'pkcs8'; format: 'pem' }).toString()
const jwk = (key: KeyObject) => JSON.stringify(key.export({ format: 'jwk' }))

const prime = () => primeFor(65_537n, 1536)
const p256 = ec('P-256')
const rsa3072 = rsa(3072)
const ed25519 = generateKeyPairSync('ed25519')

t.test('a key that is made', async (t) => {
  for (const algorithm of ALGORITHMS) {
    t.test(`for ${algorithm} opens again, and its halves belong together`, async (t) => {
      const sealed = await generateSigningKey(algorithm, wrapKeys.current)
      t.strictSame(Object.keys(sealed).sort(), ['algorithm', 'kid', 'publicPem', 'sealedPrivateKey'])
      const opened = openKey(sealed, wrapKeys)
      const { kid, publicPem } = sealed
      t.strictSame({ ...opened, privatePem: '' }, { kid, algorithm, publicPem, privatePem: '' })
      t.equal(createPublicKey(opened.privatePem).export({ type: 'spki', format: 'pem' }), publicPem)
      const data = Buffer.from('data')
      const hash = algorithm === 'EdDSA' ? null : 'sha256'
      t.ok(verify(hash, data, publicPem, sign(hash, data, opened.privatePem)))
    })

    t.test(`for ${algorithm} has its RFC 7638 thumbprint for a name, and only public members`, async (t) => {
      const sealed = await generateSigningKey(algorithm, wrapKeys.current)
      const shown = publicJwk(sealed)
      t.equal(sealed.kid, await calculateJwkThumbprint(shown, 'sha256'))
      t.match(shown, { kid: sealed.kid, alg: algorithm, use: 'sig' })
      for (const member of PRIVATE_MEMBERS) t.notOk(member in shown, member)
      t.equal(createPublicKey({ key: shown as JsonWebKey, format: 'jwk' }).type, 'public')
    })
  }

  t.test('is of the curve or the size of its algorithm', async (t) => {
    const kindOf = async (algorithm: (typeof ALGORITHMS)[number]) => {
      const { publicPem } = await generateSigningKey(algorithm, wrapKeys.current)
      const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey(publicPem)
      return [asymmetricKeyType, asymmetricKeyDetails?.namedCurve ?? asymmetricKeyDetails?.modulusLength]
    }
    t.strictSame(await kindOf('ES256'), ['ec', 'prime256v1'])
    t.strictSame(await kindOf('EdDSA'), ['ed25519', undefined])
    t.strictSame(await kindOf('RS256'), ['rsa', 3072])
  })

  t.test('is another one each time', async (t) => {
    const kids = await Promise.all(
      Array.from({ length: 20 }, async () => (await generateSigningKey('ES256', wrapKeys.current)).kid)
    )
    t.equal(new Set(kids).size, 20)
  })
})

t.test('a key from outside', async (t) => {
  const forms: Array<[name: string, text: string, algorithm: string, key: KeyObject]> = [
    ['P-256 as PKCS #8', pem(p256.privateKey, 'pkcs8'), 'ES256', p256.publicKey],
    ['P-256 as SEC 1', pem(p256.privateKey, 'sec1'), 'ES256', p256.publicKey],
    ['P-256 as JWK', jwk(p256.privateKey), 'ES256', p256.publicKey],
    ['Ed25519 as PKCS #8', pem(ed25519.privateKey, 'pkcs8'), 'EdDSA', ed25519.publicKey],
    ['Ed25519 as JWK', jwk(ed25519.privateKey), 'EdDSA', ed25519.publicKey],
    ['RSA as PKCS #8', pem(rsa3072.privateKey, 'pkcs8'), 'RS256', rsa3072.publicKey],
    ['RSA as PKCS #1', pem(rsa3072.privateKey, 'pkcs1'), 'RS256', rsa3072.publicKey],
    ['RSA as JWK', jwk(rsa3072.privateKey), 'RS256', rsa3072.publicKey],
    ['with space around it', `\n\n ${jwk(p256.privateKey)} \n`, 'ES256', p256.publicKey],
    ['with lines of Windows', pem(p256.privateKey, 'pkcs8').replaceAll('\n', '\r\n'), 'ES256', p256.publicKey]
  ]
  for (const [name, text, algorithm, key] of forms) {
    t.test(`is taken: ${name}`, async (t) => {
      const sealed = await read(text)
      t.equal(sealed.algorithm, algorithm)
      t.equal(sealed.kid, await calculateJwkThumbprint(key.export({ format: 'jwk' }) as JWK))
      t.ok(createPublicKey(sealed.publicPem).equals(key))
      t.ok(createPublicKey(openKey(sealed, wrapKeys).privatePem).equals(key))
    })
  }

  t.test('that a JWK calls by another name has the name of its thumbprint', async (t) => {
    const named = { ...p256.privateKey.export({ format: 'jwk' }), kid: 'mine', alg: 'ES512', use: 'enc' }
    const sealed = await read(JSON.stringify(named))
    t.equal(sealed.kid, (await read(jwk(p256.privateKey))).kid)
    t.match(publicJwk(sealed), { kid: sealed.kid, alg: 'ES256', use: 'sig' })
  })

  t.test('of up to 4,096 bits of RSA is taken', async (t) => {
    t.equal((await read(pem(rsa(4096).privateKey, 'pkcs8'))).algorithm, 'RS256')
  })
})

t.test('F7: what is no key of ours, or a weak one, is refused, and its text is not repeated', async (t) => {
  const encrypted = p256.privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'secret'
  })
  const cut = pem(p256.privateKey, 'pkcs8').slice(0, 90)
  const { d: _d, ...publicOnly } = p256.privateKey.export({ format: 'jwk' })
  const halves = {
    ...p256.privateKey.export({ format: 'jwk' }),
    d: ec('P-256').privateKey.export({ format: 'jwk' }).d
  }
  const offCurve = { ...p256.privateKey.export({ format: 'jwk' }), x: randomBytes(32).toString('base64url') }
  const refused: Array<[name: string, text: string, detail: string]> = [
    ['P-384', pem(ec('P-384').privateKey, 'pkcs8'), NO_KEY_OF_OURS],
    ['P-521 as JWK', jwk(ec('P-521').privateKey), NO_KEY_OF_OURS],
    ['secp256k1', pem(ec('secp256k1').privateKey, 'sec1'), NO_KEY_OF_OURS],
    ['RSA of 1,024 bits', pem(rsa(1024).privateKey, 'pkcs8'), TOO_SHORT],
    ['RSA of 2,048 bits', pem(rsa(2048).privateKey, 'pkcs8'), TOO_SHORT],
    ['RSA of 3,071 bits', pem(rsa(3071).privateKey, 'pkcs1'), TOO_SHORT],
    ['RSA of 4,104 bits', rsaOfManyBits(4104), TOO_LONG],
    ['RSA of 8,192 bits', rsaOfManyBits(8192), TOO_LONG],
    [
      'RSA with an exponent of 1',
      JSON.stringify(rsaOf(prime(), prime(), 1n)),
      weak('its public exponent is not an odd number of 65537 or more')
    ],
    [
      'RSA with an exponent of 3',
      JSON.stringify(rsaOf(primeFor(3n, 1536), primeFor(3n, 1536), 3n)),
      weak('its public exponent is not an odd number of 65537 or more')
    ],
    [
      'RSA with the ROCA fault',
      JSON.stringify(rsaOf(...rocaPrimes(3072))),
      weak('it was made by a library with the ROCA fault')
    ],
    [
      'RSA with the private half of another key',
      JSON.stringify({
        ...rsaOf(prime(), prime()),
        ...publicOf(rsa3072.publicKey.export({ format: 'jwk' }))
      }),
      NO_PAIR
    ],
    [
      'RSA for PSS alone',
      pem(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey, 'pkcs8'),
      NO_KEY_OF_OURS
    ],
    ['Ed448', pem(generateKeyPairSync('ed448').privateKey, 'pkcs8'), NO_KEY_OF_OURS],
    ['X25519', pem(generateKeyPairSync('x25519').privateKey, 'pkcs8'), NO_KEY_OF_OURS],
    [
      'a public key in PEM',
      p256.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      NO_PRIVATE_KEY
    ],
    ['a public key in JWK', jwk(p256.publicKey), NO_PRIVATE_KEY],
    ['a JWK without its private part', JSON.stringify(publicOnly), NO_PRIVATE_KEY],
    ['a JWK whose point is on no curve', JSON.stringify(offCurve), NO_PRIVATE_KEY],
    ['a JWK of two halves that do not belong together', JSON.stringify(halves), NO_PAIR],
    ['a key behind a passphrase', encrypted.toString(), NO_PRIVATE_KEY],
    [
      'a symmetric key',
      JSON.stringify({ kty: 'oct', k: randomBytes(32).toString('base64url') }),
      NO_PRIVATE_KEY
    ],
    ['a symmetric key as itself', jwk(createSecretKey(randomBytes(32))), NO_PRIVATE_KEY],
    ['a set of keys', JSON.stringify({ keys: [p256.privateKey.export({ format: 'jwk' })] }), NO_PRIVATE_KEY],
    ['half a PEM', cut, NO_PRIVATE_KEY],
    ['half a JWK', jwk(p256.privateKey).slice(0, 60), NO_PRIVATE_KEY],
    ['JSON that is no object', '[]', NO_PRIVATE_KEY],
    ['an empty object', '{}', NO_PRIVATE_KEY],
    ['nothing', '', NO_PRIVATE_KEY],
    ['rubbish', randomBytes(200).toString('latin1'), NO_PRIVATE_KEY],
    ['a password', 'correct horse battery staple', NO_PRIVATE_KEY]
  ]
  for (const [name, text, detail] of refused) {
    const thrown = await read(text).catch((error: unknown) => error)
    t.ok(thrown instanceof Problem, name)
    const { code, detail: told, cause } = thrown as Problem
    t.strictSame({ code, told, cause }, { code: 'invalid_request', told: detail, cause: undefined }, name)
  }
})

t.test('a sealed key', async (t) => {
  const [one, other] = await Promise.all([
    generateSigningKey('ES256', wrapKeys.current),
    generateSigningKey('ES256', wrapKeys.current)
  ])
  const opens = (changes: Partial<SealedKey>) => () => openKey({ ...one, ...changes }, wrapKeys)
  const bytes = Buffer.from(one.sealedPrivateKey, 'base64url')

  t.test('has nothing of the private key in it, and differs each time', async (t) => {
    const text = pem(p256.privateKey, 'pkcs8')
    const [first, second] = [await read(text), await read(text)]
    t.not(first.sealedPrivateKey, second.sealedPrivateKey)
    t.notMatch(Buffer.from(first.sealedPrivateKey, 'base64url').toString('latin1'), 'PRIVATE')
  })

  t.test('opens under no other name, so that rows cannot be swapped', async (t) => {
    t.doesNotThrow(opens({}))
    t.ok(isForeign(opens({ kid: other.kid })))
    t.ok(isForeign(opens({ sealedPrivateKey: other.sealedPrivateKey })))
  })

  t.test('F14: says which public half and algorithm are its own, whatever the row says', async (t) => {
    const opened = openKey(one, wrapKeys)
    t.equal(isAltered(one, opened), false)
    for (const changes of [{ publicPem: other.publicPem }, { algorithm: 'EdDSA' as const }]) {
      const altered = { ...one, ...changes }
      t.strictSame(openKey(altered, wrapKeys), opened)
      t.equal(isAltered(altered, opened), true)
    }
  })

  t.test('that was shortened, lengthened or changed anywhere does not open', async (t) => {
    for (let length = 0; length < bytes.length; length += 1)
      t.ok(isForeign(opens({ sealedPrivateKey: bytes.subarray(0, length).toString('base64url') })))
    const longer = Buffer.concat([bytes, Buffer.alloc(1)])
    t.ok(isForeign(opens({ sealedPrivateKey: longer.toString('base64url') })))
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] as number) ^ 1
      t.ok(isForeign(opens({ sealedPrivateKey: changed.toString('base64url') })))
    }
  })

  t.test('opens under no other master key, in words for an operator', async (t) => {
    const foreign = deriveKeys(randomBytes(48), randomBytes(48)).signingKeyWrap
    t.ok(isForeign(() => openKey(one, foreign)))
    t.throws(() => openKey(one, foreign), {
      message: 'The master key does not open the signing keys of this database: it belongs to another one'
    })
    t.equal(resealed(one, foreign), undefined)
  })

  t.test('opens under the previous master key, and is sealed anew under the current one', async (t) => {
    const [before, after] = [randomBytes(48), randomBytes(48)]
    const old = deriveKeys(before).signingKeyWrap
    const both = deriveKeys(after, before).signingKeyWrap
    const renewed = deriveKeys(after).signingKeyWrap
    const key = await generateSigningKey('EdDSA', old.current)
    const { privatePem } = openKey(key, old)
    t.equal(openKey(key, both).privatePem, privatePem)

    const sealed = resealed(key, both)
    t.type(sealed, 'string')
    const moved = { ...key, sealedPrivateKey: sealed as string }
    t.equal(openKey(moved, renewed).privatePem, privatePem)
    t.ok(isForeign(() => openKey(moved, old)))
    t.ok(isForeign(() => openKey(key, renewed)))
    t.equal(resealed(moved, both), undefined, 'once')
    t.equal(resealed(key, old), undefined, 'nothing to do where nothing changed')
  })

  t.test('is not opened by a key derived for another purpose', async (t) => {
    const masterKey = randomBytes(48)
    const { signingKeyWrap, ...others } = deriveKeys(masterKey)
    const key = await generateSigningKey('ES256', signingKeyWrap.current)
    for (const derived of Object.values(others)) t.ok(isForeign(() => openKey(key, derived)))
  })
})

function isForeign(open: () => unknown): boolean {
  try {
    open()
    return false
  } catch (error) {
    return error instanceof MasterKeyError
  }
}

// Of that size and no key at all: to make a real one of 8,192 bits takes ten seconds.
function rsaOfManyBits(bits: number): string {
  const number = (size: number) => {
    const bytes = randomBytes(size / 8)
    bytes[0] = 0x80
    return bytes.toString('base64url')
  }
  const [n, d] = [number(bits), number(bits)]
  const [p, q, dp, dq, qi] = [1, 2, 3, 4, 5].map(() => number(bits / 2))
  return JSON.stringify({ kty: 'RSA', n, e: 'AQAB', d, p, q, dp, dq, qi })
}
