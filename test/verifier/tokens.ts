import { generateKeyPairSync, type JsonWebKey, type KeyObject, sign as signBytes } from 'node:crypto'
import { type Auth, Refusal, type RefusalCode } from '../../verifier/index.ts'
import { refusals } from '../../verifier/refusal.ts'
import type { Algorithm } from '../../verifier/sources.ts'

export type Json = Record<string, unknown>

/** A token with these claims and, on top of what belongs there, these header fields. */
export type Sign = (claims: unknown, header?: Json) => string

/** Of a verifier that follows nothing, and need not be told that it does not. */
export const UNFOLLOWED = { revocations: 'none', onWarning: () => {} } as const

/** A key of a test's own. */
export interface TestKey {
  kid: string
  algorithm: Algorithm
  privateKey: KeyObject
  publicKey: KeyObject
  /** As a JWKS shows it. */
  jwk: JsonWebKey
  sign: Sign
}

/** Bytes and text are encoded as they are, all else as JSON. */
export const encode = (value: unknown) => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64url')
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

export const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Json

export function signer({
  kid,
  algorithm,
  privateKey
}: Pick<TestKey, 'kid' | 'algorithm' | 'privateKey'>): Sign {
  return (claims, header = {}) => {
    const input = `${encode({ alg: algorithm, typ: 'at+jwt', kid, ...header })}.${encode(claims)}`
    const hash = algorithm === 'EdDSA' ? null : 'sha256'
    const signature = signBytes(hash, Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    return `${input}.${signature.toString('base64url')}`
  }
}

export function createKey(kid: string, algorithm: Algorithm = 'ES256'): TestKey {
  const { privateKey, publicKey } = generatePair(algorithm)
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' }
  return { kid, algorithm, privateKey, publicKey, jwk, sign: signer({ kid, algorithm, privateKey }) }
}

function generatePair(algorithm: Algorithm) {
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return algorithm === 'EdDSA'
    ? generateKeyPairSync('ed25519')
    : generateKeyPairSync('rsa', { modulusLength: 3072 })
}

/** What came of a verification: who it is, or a refusal's code and all that a caller is told. */
export async function outcomeOf(verification: Promise<Auth>) {
  try {
    return { auth: await verification }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const { code, message, status, headers } = error
    return { code, message, status, headers, body: error.body('request') }
  }
}

/** What `outcomeOf` must be, whole, where a token is refused. */
export function refusedAs(code: RefusalCode) {
  const { status, title } = refusals[code]
  return {
    code,
    message: title,
    status,
    headers: {
      'content-type': 'application/problem+json; charset=utf-8',
      'cache-control': 'no-store',
      ...(status === 401 && { 'www-authenticate': 'Bearer' }),
      ...(status === 503 && { 'retry-after': '1' })
    },
    body: { type: `urn:gatehouse:problem:${code}`, title, status, code, requestId: 'request' }
  }
}

/** Polls until it holds, and says how many milliseconds that took. Throws where it does not in time. */
export async function eventually(holds: () => Promise<boolean> | boolean, deadline = 8000): Promise<number> {
  const startedAt = performance.now()
  while (!(await holds())) {
    if (performance.now() - startedAt > deadline) throw new Error(`not within ${deadline} ms`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return performance.now() - startedAt
}
