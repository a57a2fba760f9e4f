import { createDecoder, createVerifier as createSignatureVerifier } from 'fast-jwt'
import { type Auth, authFromClaims } from './authorization.ts'
import { BoundedMap } from './bounded-map.ts'
import { hasClaims, isTimely, REQUIRED_CLAIMS } from './claims.ts'
import { Refusal } from './refusal.ts'
import type { KeySource, RevocationSource, VerificationKey } from './sources.ts'
import { assertPlain } from './token-form.ts'

/** `typ` of an access token's header (RFC 9068 §2.1). */
export const TOKEN_TYPE = 'at+jwt'
const CACHED_TOKENS = 10_000

export interface TokenVerifierOptions {
  keys: KeySource
  revocations: RevocationSource
  /** What `iss` must be. */
  issuer: string
  /** What `aud` must be or hold. Left out, a token for any service is read: for Gatehouse itself, that issued it. */
  audience?: string
  /** Milliseconds since the epoch. */
  clock: () => number
}

interface VerifiedToken {
  auth: Auth
  key: VerificationKey
}

/** Verifies access tokens against keys and revocations, wherever these come from. */
export interface TokenVerifier {
  /**
   * Who the token speaks for. Rejects with a Refusal: `unauthorized` for every fault, `token_stale` for one that a refresh
   * mends, `unavailable` while nobody can tell.
   */
  verify(token: string): Promise<Auth>
  /** The same without waiting: undefined where the token's key has to be looked for first. */
  verifyNow(token: string): Auth | undefined
  /** Whom a token of ours was issued to, though it has expired or was revoked. Undefined for what is not ours. */
  read(token: string): Auth | undefined
}

/** Signature, `alg` by key, `typ`, issuer, audience, every claim's type, time, revocation: nothing of it is optional. */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const { keys, revocations, clock } = options
  const decode = createDecoder({ complete: true })
  const checks = new WeakMap<VerificationKey, (token: string) => unknown>()
  // Keyed by the whole token, and asked for its key, its time and its revocation at every hit.
  const verified = new BoundedMap<string, VerifiedToken>(CACHED_TOKENS)

  function checkOf(key: VerificationKey): (token: string) => unknown {
    const known = checks.get(key)
    if (known) return known
    const check = createCheck(key, options)
    checks.set(key, check)
    return check
  }

  // Undefined where the key is not known; whatever else is wrong with the token is thrown.
  function readSigned(token: string): VerifiedToken | undefined {
    const { header } = decode(token) as { header: { kid?: unknown } }
    assertPlain(token, header)
    if (typeof header.kid !== 'string') throw new Error('the token names no key')
    assertKeyStands(header.kid)
    const key = keys.find(header.kid)
    if (!key) return undefined
    const claims = checkOf(key)(token)
    if (!hasClaims(claims)) throw new Error('the claims are not those of an access token')
    return { auth: authFromClaims(claims), key }
  }

  // Stale, not unauthorized: the people whose tokens it signed get new ones by a refresh.
  function assertKeyStands(kid: string): void {
    if (revocations.isKeyRevoked(kid)) throw new Refusal('token_stale', new Error(`key ${kid} was revoked`))
  }

  function genuine(token: string): VerifiedToken | undefined {
    const known = verified.get(token)
    if (known && keys.find(known.key.kid) === known.key) return known
    const entry = unauthorizedUnless(() => readSigned(token))
    if (entry) verified.set(token, entry)
    return entry
  }

  function verifyNow(token: string): Auth | undefined {
    const entry = genuine(token)
    if (!entry) return undefined
    const { auth, key } = entry
    if (!isTimely(auth.claims, clock())) {
      verified.delete(token)
      throw new Refusal('unauthorized')
    }
    if (!revocations.isCurrent()) throw new Refusal('unavailable')
    assertKeyStands(key.kid)
    const standing = revocations.standingOf(auth.claims)
    if (standing === 'revoked') throw new Refusal('unauthorized')
    if (standing === 'stale') throw new Refusal('token_stale')
    return auth
  }

  return {
    verifyNow,

    async verify(token) {
      const known = verifyNow(token)
      if (known) return known
      await keys.refresh()
      const auth = verifyNow(token)
      if (!auth) throw new Refusal('unauthorized')
      return auth
    },

    read(token) {
      try {
        return readSigned(token)?.auth
      } catch {
        return undefined
      }
    }
  }
}

function createCheck(
  { publicPem, algorithm }: VerificationKey,
  { issuer, audience }: TokenVerifierOptions
): (token: string) => unknown {
  return createSignatureVerifier({
    key: publicPem,
    algorithms: [algorithm],
    allowedIss: issuer,
    ...(audience !== undefined && { allowedAud: audience }),
    requiredClaims: REQUIRED_CLAIMS,
    checkTyp: TOKEN_TYPE,
    cache: false,
    // Time is ours to judge: by one clock, with one leeway before and another after.
    ignoreExpiration: true,
    ignoreNotBefore: true
  })
}

// What is wrong with a token is for the log: a caller who learnt it would learn how to forge one.
function unauthorizedUnless<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal('unauthorized', error)
  }
}
