import { createDecoder, createVerifier as createSignatureVerifier } from 'fast-jwt'
import { type Auth, authFromClaims } from './authorization.ts'
import { BoundedMap } from './bounded-map.ts'
import { assertMeantFor, describeUntimely, hasClaims, isTimely, REQUIRED_CLAIMS } from './claims.ts'
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
  /** What `aud` must be or hold. Without it, the verifier accepts tokens for any service, as only Gatehouse itself may. */
  audience?: string
  /** Milliseconds since the epoch. */
  clock: () => number
}

interface VerifiedToken {
  auth: Auth
  key: VerificationKey
}

/** Verifies access tokens against keys and revocations, of any source. */
export interface TokenVerifier {
  /**
   * Returns the caller that the token names. Rejects with a Refusal: `token_stale` if a refresh brings a valid token,
   * `unavailable` while the key or the revocations are unknown, `unauthorized` for every other fault.
   */
  verify(token: string): Promise<Auth>
  /** Does the same without waiting. Returns undefined if it has to look for the token's key first. */
  verifyNow(token: string): Auth | undefined
  /** Returns the caller that a genuine token names, even if it has expired or was revoked. Undefined for any other text. */
  read(token: string): Auth | undefined
}

/** Makes a verifier that checks signature, `alg` by key, `typ`, issuer, audience, claims, time and revocation, always. */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const { keys, revocations, issuer, audience, clock } = options
  const decode = createDecoder({ complete: true })
  const checks = new WeakMap<VerificationKey, (token: string) => unknown>()
  // Keyed by the whole token. Every hit checks the key, the time and the revocations again.
  const verified = new BoundedMap<string, VerifiedToken>(CACHED_TOKENS)

  function checkOf(key: VerificationKey): (token: string) => unknown {
    const known = checks.get(key)
    if (known) return known
    const check = createCheck(key)
    checks.set(key, check)
    return check
  }

  // Returns undefined if the key is unknown. Throws for any other fault.
  function readSigned(token: string): VerifiedToken | undefined {
    const { header } = decode(token) as { header: { kid?: unknown } }
    assertPlain(token, header)
    if (typeof header.kid !== 'string') throw new Error('the token names no key')
    assertKeyStands(header.kid)
    const key = keys.find(header.kid)
    if (!key) return undefined
    const claims = checkOf(key)(token)
    if (!hasClaims(claims)) throw new Error('the claims are not those of an access token')
    assertMeantFor(claims, issuer, audience)
    return { auth: authFromClaims(claims), key }
  }

  // `token_stale`, because people whose tokens this key signed get new ones by a refresh.
  function assertKeyStands(kid: string): void {
    if (revocations.isKeyRevoked(kid)) throw new Refusal('token_stale', `key ${kid} was revoked`)
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
    const now = clock()
    if (!isTimely(auth.claims, now)) {
      verified.delete(token)
      throw new Refusal('unauthorized', describeUntimely(auth.claims, now))
    }
    if (!revocations.isCurrent()) throw new Refusal('unavailable', 'the revocation feed is lost')
    assertKeyStands(key.kid)
    const status = revocations.statusOf(auth.claims)
    if (status === 'revoked') throw new Refusal('unauthorized', 'revoked')
    if (status === 'stale') throw new Refusal('token_stale', 'the roles or the profile changed')
    return auth
  }

  return {
    verifyNow,

    async verify(token) {
      const known = verifyNow(token)
      if (known) return known
      await keys.refresh()
      const auth = verifyNow(token)
      if (!auth) throw new Refusal('unauthorized', 'the key that signed it is not published')
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

function createCheck({ publicPem, algorithm }: VerificationKey): (token: string) => unknown {
  return createSignatureVerifier({
    key: publicPem,
    algorithms: [algorithm],
    requiredClaims: REQUIRED_CLAIMS,
    checkTyp: TOKEN_TYPE,
    cache: false,
    // `isTimely` checks the time, by this verifier's clock, with different leeway before and after.
    ignoreExpiration: true,
    ignoreNotBefore: true
  })
}

// Keeps the fault of a token for the log. It would help a caller who tries to forge one.
function unauthorizedUnless<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal('unauthorized', error)
  }
}
