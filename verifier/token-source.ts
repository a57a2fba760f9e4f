import { reasonOf } from './reason-of.ts'

export interface TokenSourceOptions {
  /** Gatehouse's public URL, its `AUTH_ISSUER`. */
  issuer: string
  /** The address at which the service reaches Gatehouse; `issuer` by default. */
  url?: string
  clientId: string
  clientSecret: string
  /** Permissions separated by spaces; by default, all that the client may have. */
  scope?: string
  /** The service that the token is for (RFC 8707); by default, the client's first audience. */
  resource?: string
}

export interface TokenSource {
  /** Returns the current access token while it is valid, else a new one. Rejects if Gatehouse gives none. */
  (): Promise<string>
  /** Drops a token that a service refused before its end. The next call gets another one. */
  discard(token: string): void
}

/** The fraction of a token's life after which a new one is requested. Until it arrives, callers get the old one. */
const RENEW_AFTER = 0.7
/** A token is not handed out during the last milliseconds of its life. */
const MARGIN = 10_000
const TIMEOUT = 5000
const RETRY_AFTER = 1000

interface HeldToken {
  token: string
  renewAt: number
  endsAt: number
}

/**
 * Makes a source of access tokens for a machine client, by its credentials (RFC 6749 §4.4). It keeps a token while it is
 * valid, and renews it before its end. Callers that wait at the same time share one request.
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
    // An early renewal may fail silently, because the current token is still valid.
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

// The error of `fetch` does not name the address.
async function reach(endpoint: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(endpoint, init)
  } catch (error) {
    throw new Error(`${endpoint} cannot be reached: ${reasonOf(error)}`, { cause: error })
  }
}

/** Encodes one part of the credentials as in a form, before both are joined (RFC 6749 §2.3.1). */
function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}
