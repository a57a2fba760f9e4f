import { reasonOf } from './reason-of.ts'

export interface TokenSourceOptions {
  /** Gatehouse's public URL, its `AUTH_ISSUER`. */
  issuer: string
  /** Where Gatehouse is reached from here, if not at `issuer`. */
  url?: string
  clientId: string
  clientSecret: string
  /** Space-separated; all that the client may have, if left out. */
  scope?: string
  /** The service that the token is for (RFC 8707); the client's first, if left out. */
  resource?: string
}

export interface TokenSource {
  /** An access token: the one at hand while it is good, else a new one. Rejects where Gatehouse gives none. */
  (): Promise<string>
  /** This token was refused though its time is not over: the next call gets another. */
  discard(token: string): void
}

/** Part of a token's life after which a new one is got ahead of time, while the old one still serves. */
const RENEW_AFTER = 0.7
/** Milliseconds before its end from which on a token is not handed out any more. */
const MARGIN = 10_000
const TIMEOUT = 5000
const RETRY_AFTER = 1000

interface HeldToken {
  token: string
  renewAt: number
  endsAt: number
}

/**
 * Access tokens for a machine client, by its credentials (RFC 6749 §4.4): kept while they are good, renewed ahead of their
 * end, and asked for once, however many callers wait.
 */
export function createTokenSource(options: TokenSourceOptions): TokenSource {
  const { issuer, url = issuer } = options
  const endpoint = new URL('/oauth/token', url)
  let held: HeldToken | undefined
  let asking: Promise<HeldToken> | undefined
  let notBefore = 0

  function ask(): Promise<HeldToken> {
    asking ??= requestToken(endpoint, options)
      .then((token) => {
        held = token
        return token
      })
      .finally(() => {
        asking = undefined
        notBefore = performance.now() + RETRY_AFTER
      })
    return asking
  }

  const source = async () => {
    const now = performance.now()
    if (!held || now >= held.endsAt) return (await ask()).token
    // Ahead of time nobody waits for it, and nobody is told if it fails: the token at hand is good.
    if (now >= held.renewAt && now >= notBefore) ask().catch(() => {})
    return held.token
  }

  return Object.assign(source, {
    discard(token: string) {
      if (held?.token === token) held = undefined
    }
  })
}

async function requestToken(
  endpoint: URL,
  { clientId, clientSecret, scope, resource }: TokenSourceOptions
): Promise<HeldToken> {
  const askedAt = performance.now()
  const credentials = `${formEncoded(clientId)}:${formEncoded(clientSecret)}`
  const response = await reach(endpoint, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
      accept: 'application/json'
    },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      ...(scope !== undefined && { scope }),
      ...(resource !== undefined && { resource })
    }),
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT)
  })
  const body = ((await response.json().catch(() => undefined)) ?? {}) as Record<string, unknown>
  const { access_token: token, expires_in: expiresIn } = body
  if (response.status !== 200 || typeof token !== 'string' || typeof expiresIn !== 'number') {
    throw new Error(`${endpoint} gave no token: ${response.status} ${String(body.error ?? '')}`.trimEnd())
  }
  const life = expiresIn * 1000
  const margin = Math.min(MARGIN, (1 - RENEW_AFTER) * 0.5 * life)
  return { token, renewAt: askedAt + RENEW_AFTER * life, endsAt: askedAt + life - margin }
}

// Fetch says that it failed, and not where.
async function reach(endpoint: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(endpoint, init)
  } catch (error) {
    throw new Error(`${endpoint} cannot be reached: ${reasonOf(error)}`, { cause: error })
  }
}

/** RFC 6749 §2.3.1: both parts are encoded as in a form before they are put together. */
function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}
