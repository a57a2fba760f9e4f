import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { createRemoteJWKSet, type JWK } from 'jose'
import { judgePublicKey, LEAST_RSA_BITS } from './public-key.ts'
import { Refusal } from './refusal.ts'
import { ALGORITHMS, type Algorithm, type KeySource, type VerificationKey } from './sources.ts'

/** Milliseconds between two looks for unknown keys: a flood of made-up key ids makes no flood of requests. */
const COOLDOWN = 5000
/** Milliseconds after which the keys are fetched anew in the background, so that a withdrawn one is missed. */
const MAX_AGE = 60_000
const TIMEOUT = 3000

export interface RemoteKeysOptions {
  /** Of the JWKS (RFC 7517 §5). */
  url: URL
  algorithms: readonly Algorithm[]
  /** Milliseconds on a clock that nobody sets. */
  uptime: () => number
}

/** Gatehouse's keys, fetched from its JWKS. While it cannot be reached, those fetched before go on to count. */
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

// A key of another use, of an algorithm that is not wanted, too weak, or none at all, is as if it were not there.
function readKey(
  jwk: JWK,
  algorithms: readonly Algorithm[],
  known: Map<string, VerificationKey>
): VerificationKey[] {
  const algorithm = ALGORITHMS.find((each) => each === jwk.alg)
  if (!jwk.kid || !algorithm || !algorithms.includes(algorithm) || (jwk.use ?? 'sig') !== 'sig') return []
  // Everybody who reads a private key can sign by it.
  if (jwk.d !== undefined) return []
  try {
    const key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
    const publicPem = key.export({ type: 'spki', format: 'pem' }).toString()
    const before = known.get(jwk.kid)
    // The same object: it is judged once, and what was made ready for it stays ready.
    if (before?.publicPem === publicPem && before.algorithm === algorithm) return [before]
    return judgePublicKey(key, LEAST_RSA_BITS) === algorithm ? [{ kid: jwk.kid, algorithm, publicPem }] : []
  } catch {
    return []
  }
}
