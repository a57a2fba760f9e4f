import {
  createLocalJWKSet,
  errors,
  type JWK,
  type JWTPayload,
  type JWTVerifyOptions,
  type JWTVerifyResult,
  jwtVerify
} from 'jose'
import { EARLY_SKEW, isTimely, LATE_SKEW } from '../../verifier/claims.ts'
import { type Clock, MINUTE, SECOND } from '../clock.ts'
import type { DerivedKey } from '../keys/master-key.ts'
import type { Client, ClientSecret } from '../model/client.ts'
import type { Store } from '../model/store.ts'
import { OAuthError } from '../oauth/errors.ts'
import { ASSERTION_ALGORITHMS, type ClientCredentials } from './credentials.ts'
import type { ClientDirectory } from './directory.ts'
import { hashesOf, isKept, isLive } from './secret.ts'

/** Longest accepted lifetime of an assertion, in seconds (RFC 7523 §3). */
const LONGEST_ASSERTION = 300
/** Accepted `typ` headers of an assertion, if it has one. Other tokens that the client signs are no assertions. */
const ASSERTION_TYPES = ['jwt', 'client-authentication+jwt']
/** Path of the endpoint that every assertion may name as its audience, besides the endpoint where it is used. */
const TOKEN_ENDPOINT = '/oauth/token'
/** PostgreSQL text cannot hold NUL. */
const JTI = /^[^\0]{1,200}$/
/** Precision of a secret's last use, in milliseconds. */
const USE_INTERVAL = MINUTE

/**
 * Returns the client that these credentials prove at this endpoint, a path. Rejects with the same OAuthError `invalid_client` for every fault, or
 * with a Problem `unavailable`.
 */
export type ClientAuthenticator = (credentials: ClientCredentials, endpoint: string) => Promise<Client>

export function createClientAuthenticator({
  store,
  directory,
  clock,
  secretKeys,
  issuer,
  isCurrent
}: {
  store: Store
  directory: ClientDirectory
  clock: Clock
  secretKeys: DerivedKey
  issuer: string
  /** Returns whether the verifiers would accept a token issued to this client now. */
  isCurrent: (client: Client) => boolean
}): ClientAuthenticator {
  function secretOf(client: Client | undefined, hashes: string[]): ClientSecret | undefined {
    const now = clock()
    return client?.secrets.find((kept) => isKept(hashes, kept.hash) && isLive(kept, now))
  }

  async function bySecret({ clientId, secret }: ClientCredentials & { secret: string }): Promise<Client> {
    const hashes = hashesOf(secret, secretKeys)
    const known = await directory.find(clientId)
    // A cached client may lack a newer secret, or hold a right that it has lost.
    const isGood = known && isCurrent(known) && secretOf(known, hashes) !== undefined
    const client = isGood ? known : await directory.findAnew(clientId)
    const used = secretOf(client, hashes)
    if (!client || !used) throw new OAuthError('invalid_client', 'The client is not who it says.')
    await recordUse(used, hashes[0] as string)
    return client
  }

  async function recordUse(used: ClientSecret, hash: string): Promise<void> {
    const now = clock()
    if (used.hash === hash && used.lastUsedAt !== null && now - used.lastUsedAt < USE_INTERVAL) return
    used.lastUsedAt = now
    await store.clients.recordSecretUse(used.id, hash, now)
  }

  async function byAssertion(
    { clientId, assertion }: ClientCredentials & { assertion: string },
    endpoint: string
  ): Promise<Client> {
    const client = await directory.findAnew(clientId)
    if (!client) throw new OAuthError('invalid_client', 'The client is not who it says.')
    const { jti = '', exp = 0 } = await verifyAssertion(client, assertion, endpoint)
    const expiresAt = (exp + LATE_SKEW) * SECOND
    if (!(await store.clients.useAssertion(client.id, jti, expiresAt))) {
      throw new OAuthError(
        'invalid_client',
        'The client is not who it says.',
        new Error('assertion used before')
      )
    }
    return client
  }

  async function verifyAssertion(client: Client, assertion: string, endpoint: string): Promise<JWTPayload> {
    const now = clock()
    // The key type fixes the algorithm. `alg` may use another name for it, so it is left out.
    const keys = client.jwks.map(({ alg: _alg, ...key }) => key)
    const options: JWTVerifyOptions = {
      issuer: client.id,
      subject: client.id,
      algorithms: [...ASSERTION_ALGORITHMS],
      requiredClaims: ['exp', 'jti', 'aud'],
      // `isTimely` is stricter: it has separate tolerances for early and late tokens.
      clockTolerance: EARLY_SKEW,
      currentDate: new Date(now)
    }
    try {
      const { payload, protectedHeader } = await verifyByAny(assertion, keys, options)
      assertType(protectedHeader.typ)
      assertMeantFor(payload, [issuer, `${issuer}${TOKEN_ENDPOINT}`, `${issuer}${endpoint}`])
      assertNarrow(payload, now)
      return payload
    } catch (error) {
      throw new OAuthError('invalid_client', 'The client is not who it says.', error)
    }
  }

  return async (credentials, endpoint) => {
    const client =
      'secret' in credentials ? await bySecret(credentials) : await byAssertion(credentials, endpoint)
    if (client.disabled) throw new OAuthError('invalid_client', 'The client is not who it says.')
    return client
  }
}

// No other audience: a second server that receives the assertion could replay it here.
function assertMeantFor({ aud }: JWTPayload, accepted: string[]): void {
  const meantFor = [aud ?? []].flat()
  if (meantFor.length === 0 || !meantFor.every((audience) => accepted.includes(audience)))
    throw new Error('assertion for another audience')
}

function assertNarrow({ exp = 0, iat = 0, nbf, jti }: JWTPayload, now: number): void {
  if (!isTimely({ exp, iat, nbf }, now)) throw new Error('assertion of another time')
  if (exp > now / SECOND + LONGEST_ASSERTION + EARLY_SKEW) throw new Error('assertion lives too long')
  if (typeof jti !== 'string' || !JTI.test(jti)) throw new Error('assertion without a jti')
}

function assertType(typ: string | undefined): void {
  if (typ !== undefined && !ASSERTION_TYPES.includes(typ.toLowerCase().replace(/^application\//, '')))
    throw new Error('assertion of another type')
}

// Without a `kid`, tries each matching key.
async function verifyByAny(
  assertion: string,
  keys: JWK[],
  options: JWTVerifyOptions
): Promise<JWTVerifyResult> {
  try {
    return await jwtVerify(assertion, createLocalJWKSet({ keys }), options)
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    for await (const key of error) {
      const verified = await jwtVerify(assertion, key, options).catch(() => undefined)
      if (verified) return verified
    }
    throw error
  }
}
