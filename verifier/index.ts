import { createRemoteKeys } from './remote-keys.ts'
import { type FeedOptions, followRevocations, type RevocationFeed } from './revocation-feed.ts'
import { compareWithMetadata } from './server-metadata.ts'
import { ALGORITHMS, type RevocationSource } from './sources.ts'
import type { TokenSource } from './token-source.ts'
import { createTokenVerifier, type TokenVerifier } from './token-verifier.ts'
import { type Following, type VerifierOptions, validateVerifierOptions } from './verifier-options.ts'

export { type Auth, authOf, type Requirements } from './authorization.ts'
export type { Claims } from './claims.ts'
export type { GuardOptions } from './guard-options.ts'
export { Refusal, type RefusalCode } from './refusal.ts'
export type { Algorithm } from './sources.ts'
export { createTokenSource, type TokenSource, type TokenSourceOptions } from './token-source.ts'
export type { Following, VerifierOptions } from './verifier-options.ts'

export interface Verifier extends Pick<TokenVerifier, 'verify' | 'verifyNow'> {
  /** Resolves after the first attempt to read keys and revocations. Never rejects. `verify` waits for it by itself. */
  ready(): Promise<void>
  /** Stops following revocations. Until then, a verifier that follows keeps its process alive. */
  close(): void
}

const NOTHING_REVOKED: RevocationSource = {
  statusOf: () => 'valid',
  isKeyRevoked: () => false,
  isCurrent: () => true
}
const NOT_FOLLOWED =
  'revocations are not followed: a token is valid until it expires, even if its session has ended'

/**
 * Makes a verifier of Gatehouse's access tokens. It verifies offline, against the published keys, and against the revocations
 * if it follows them. Throws a TypeError for invalid options.
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const { issuer, audience, algorithms = ALGORITHMS, clock = Date.now, onWarning = emitWarning } = options
  validateVerifierOptions(options)
  const base = new URL(options.url ?? issuer)
  const uptime = () => performance.now()
  const keys = createRemoteKeys({ url: new URL('/.well-known/jwks.json', base), algorithms, uptime })
  const { revocations } = options
  const feedUrl = new URL('/oauth/revocations', base)
  const feed =
    revocations === 'none' ? undefined : follow(revocations, { url: feedUrl, onWarning, clock, uptime })
  if (!feed) onWarning(new Error(NOT_FOLLOWED))
  compareWithMetadata({ base, issuer, audience, onWarning })
  const inner = createTokenVerifier({ keys, revocations: feed ?? NOTHING_REVOKED, issuer, audience, clock })

  let isReady = false
  const ready = Promise.all([keys.refresh().catch(() => {}), feed?.firstTry]).then(() => {
    isReady = true
  })

  return {
    ready: () => ready,
    close: () => feed?.close(),
    verifyNow: (token) => (isReady ? inner.verifyNow(token) : undefined),

    async verify(token) {
      await ready
      return inner.verify(token)
    }
  }
}

function emitWarning(warning: Error): void {
  process.emitWarning(warning)
}

function follow(
  { token, whenLost = 'closed' }: Following,
  surroundings: Pick<FeedOptions, 'url' | 'onWarning' | 'clock' | 'uptime'>
): RevocationFeed {
  const getToken = typeof token === 'string' ? () => token : token
  const discard = (refused: string) => {
    if (isTokenSource(token)) token.discard(refused)
  }
  return followRevocations({ ...surroundings, token: getToken, discard, whenLost })
}

function isTokenSource(token: unknown): token is TokenSource {
  return typeof token === 'function' && 'discard' in token
}
