import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { createRemoteJWKSet, type JWK } from 'jose'
import { judgePublicKey, LEAST_RSA_BITS } from './public-key.ts'
import { Refusal } from './refusal.ts'
import { ALGORITHMS, type Algorithm, type KeySource, type VerificationKey } from './sources.ts'

/** Milliseconds between two requests for unknown keys, so that made-up key ids cause no flood of requests. */
const COOLDOWN = 5000
/** Milliseconds after which the keys are fetched again in the background, so that a withdrawn one disappears. */
const MAX_AGE = 60_000
const TIMEOUT = 3000

export interface RemoteKeysOptions {
  /** The address of the JWKS (RFC 7517 §5). */
  url: URL
  algorithms: readonly Algorithm[]
  /** Milliseconds on a monotonic clock. */
  uptime: () => number
}

/** Fetches Gatehouse's keys from its JWKS. While the JWKS cannot be reached, the keys fetched before remain valid. */
export function createRemoteKeys({ url, algorithms, uptime }: RemoteKeysOptions): KeySource {
  const remote = createRemoteJWKSet(url, { timeoutDuration: TIMEOUT })
  let keys = new Map<string, VerificationKey>()
  let triedAt = Number.NEGATIVE_INFINITY
  let failure: Refusal | undefined
  let fetching: Promise<void> | undefined

  async function fetchKeys(): Promise<void> {
    try {
      await remote.reload()
      keys = readKeys(remote.jwks()?.keys ?? [], keys)
      failure = undefined
    } catch (error) {
      failure = new Refusal('unavailable', error)
      throw failure
    } finally {
      fetching = undefined
    }
  }

  async function refresh(): Promise<void> {
    if (fetching) return fetching
    if (uptime() - triedAt >= COOLDOWN) {
      triedAt = uptime()
      fetching = fetchKeys()
      return fetching
    }
    if (failure) throw failure
  }

  function readKeys(jwks: JWK[], known: Map<string, VerificationKey>): Map<string, VerificationKey> {
    const read = jwks.flatMap((jwk) => readKey(jwk, algorithms, known))
    if (read.length === 0) throw new Error(`there is no key of use at ${url}`)
    return new Map(read.map((key) => [key.kid, key]))
  }

  return {
    refresh,

    find(kid) {
      if (uptime() - triedAt >= MAX_AGE) refresh().catch(() => {})
      return keys.get(kid)
    }
  }
}

// Ignores a key that has another use or algorithm, that is too weak, or that is malformed.
function readKey(
  jwk: JWK,
  algorithms: readonly Algorithm[],
  known: Map<string, VerificationKey>
): VerificationKey[] {
  const algorithm = ALGORITHMS.find((each) => each === jwk.alg)
  if (!jwk.kid || !algorithm || !algorithms.includes(algorithm) || (jwk.use ?? 'sig') !== 'sig') return []
  // Anyone who reads a published private key can sign by it.
  if (jwk.d !== undefined) return []
  try {
    const key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
    const publicPem = key.export({ type: 'spki', format: 'pem' }).toString()
    const before = known.get(jwk.kid)
    // Keeps the same object, so that the key is checked once and its cached tokens stay valid.
    if (before?.publicPem === publicPem && before.algorithm === algorithm) return [before]
    return judgePublicKey(key, LEAST_RSA_BITS) === algorithm ? [{ kid: jwk.kid, algorithm, publicPem }] : []
  } catch {
    return []
  }
}
