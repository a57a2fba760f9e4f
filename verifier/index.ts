import { createRemoteKeys } from './remote-keys.ts'
import { followRevocations, type RevocationFeed } from './revocation-feed.ts'
import { ALGORITHMS, type Algorithm, type RevocationSource } from './sources.ts'
import { createTokenVerifier, type TokenVerifier } from './token-verifier.ts'

export type { Auth, Requirements } from './authorization.ts'
export type { Claims } from './claims.ts'
export type { GuardOptions } from './guard.ts'
export { Refusal, type RefusalCode } from './refusal.ts'
export type { Algorithm } from './sources.ts'

export interface VerifierOptions {
  /** Gatehouse's public URL, its `AUTH_ISSUER`: `iss` of its tokens. */
  issuer: string
  /** What `aud` of a token must be or hold: Gatehouse's `AUTH_AUDIENCE`, or what a client asked for as `resource`. */
  audience: string
  /** Where Gatehouse is reached from here, if not at `issuer`: `http://gatehouse:3000` within a network of its own. */
  url?: string
  /** Algorithms that are accepted; all that Gatehouse signs by, if left out. */
  algorithms?: Algorithm[]
  /** Follows what Gatehouse revokes. Without it, a token counts until it expires, whatever happens to its session. */
  revocations?: {
    /** A bearer token with the scope `revocations:read`, or what gets one; asked before every request. */
    token: string | (() => string | Promise<string>)
    /**
     * While Gatehouse has not answered for 10 s: `closed` refuses every token with 503, which is the default; `open`
     * accepts each until it expires.
     */
    whenLost?: 'closed' | 'open'
  }
  /** Told what a service's owner should know, such as a lost feed; `process.emitWarning` if left out. */
  onWarning?: (warning: Error) => void
  /** Milliseconds since the epoch; `Date.now` if left out. */
  clock?: () => number
}

export interface Verifier extends TokenVerifier {
  /** Resolves once keys and revocations were read, or could not be. Never rejects; `verify` waits for it by itself. */
  ready(): Promise<void>
  /** Stops following. A verifier that follows keeps its process alive until then. */
  close(): void
}

const NOTHING_REVOKED: RevocationSource = { standingOf: () => 'valid', isCurrent: () => true }

/**
 * Verifies Gatehouse's access tokens: offline, against its published keys, and against its revocations where these are
 * followed. Throws a TypeError for options that cannot be meant.
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const { issuer, audience, algorithms = ALGORITHMS, clock = Date.now } = options
  if (!URL.canParse(issuer)) throw new TypeError('issuer is needed: the public URL of Gatehouse')
  const base = new URL(options.url ?? requireSafe(issuer))
  if (!audience) throw new TypeError('audience is needed: the `aud` that tokens for this service have')
  const uptime = () => performance.now()
  const keys = createRemoteKeys({ url: new URL('/.well-known/jwks.json', base), algorithms, uptime })
  const feed = options.revocations && follow(options, new URL('/oauth/revocations', base), uptime)
  const inner = createTokenVerifier({ keys, revocations: feed ?? NOTHING_REVOKED, issuer, audience, clock })

  let isReady = false
  const ready = Promise.all([keys.refresh().catch(() => {}), feed?.firstTry]).then(() => {
    isReady = true
  })

  return {
    ready: () => ready,
    close: () => feed?.close(),
    read: inner.read,
    verifyNow: (token) => (isReady ? inner.verifyNow(token) : undefined),

    async verify(token) {
      await ready
      return inner.verify(token)
    }
  }
}

function follow(options: VerifierOptions, url: URL, uptime: () => number): RevocationFeed {
  const { revocations, clock = Date.now, onWarning = (warning) => process.emitWarning(warning) } = options
  const { token = '', whenLost = 'closed' } = revocations ?? {}
  const getToken = typeof token === 'string' ? () => token : token
  return followRevocations({ url, token: getToken, whenLost, onWarning, clock, uptime })
}

// Keys that came over a network unprotected would be anybody's keys.
function requireSafe(issuer: string): string {
  const { protocol, hostname } = new URL(issuer)
  const loopback = hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
  if (protocol === 'https:' || (protocol === 'http:' && loopback)) return issuer
  throw new TypeError(
    'issuer must be https: give a url of your own where Gatehouse is reached in another way'
  )
}
