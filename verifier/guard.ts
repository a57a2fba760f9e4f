import type { IncomingHttpHeaders } from 'node:http'
import { type Auth, assertAllowed, type Requirements } from './authorization.ts'
import { readCredential } from './credentials.ts'
import { comesFromHere, isSafeMethod } from './cross-site.ts'
import { assertSensible, type GuardOptions, toMilliseconds } from './guard-options.ts'
import { Refusal } from './refusal.ts'
import type { TokenVerifier } from './token-verifier.ts'

/** What holds for every route of a service. */
export interface GuardSettings {
  verifier: Pick<TokenVerifier, 'verify' | 'verifyNow'>
  /** Names of the access cookie: the first one that a request has counts. */
  cookies: string[]
  /**
   * Origins besides the service's own whose pages may send unsafe requests that ride on the cookie. `unchecked`: the
   * service itself refuses other sites' requests.
   */
  allowedOrigins: ReadonlySet<string> | 'unchecked'
  /** Milliseconds since the epoch. */
  clock: () => number
}

/** Of a request, what a guard looks at. */
export interface GuardedRequest {
  method?: string | undefined
  headers: IncomingHttpHeaders
}

/** Who makes a request, null for a stranger where the guard is optional; a promise where a key is looked for first. */
export type Admission = Auth | null | Promise<Auth | null>

/**
 * The guard, whatever the framework. Throws a Refusal, or rejects with one. A call with a token seen before costs a few
 * look-ups in memory. Throws a TypeError at once for options that cannot be meant.
 */
export function createGuard(
  { verifier, cookies, allowedOrigins, clock }: GuardSettings,
  options: GuardOptions = {}
): (request: GuardedRequest) => Admission {
  assertSensible(options)
  const { optional = false, from, fresh, ...others } = options
  const requirements: Requirements =
    fresh === undefined ? others : { ...others, fresh: toMilliseconds(fresh) }

  function assertFromHere({ method = 'GET', headers }: GuardedRequest): void {
    if (allowedOrigins === 'unchecked' || isSafeMethod(method) || comesFromHere(headers, allowedOrigins))
      return
    throw new Refusal('cross_site_request')
  }

  function admit(auth: Auth): Auth {
    assertAllowed(auth, requirements, clock())
    return auth
  }

  return (request) => {
    const credential = readCredential(request.headers, cookies, from)
    if (!credential) {
      if (optional) return null
      throw new Refusal('unauthorized')
    }
    if (credential.from === 'cookie') assertFromHere(request)
    const auth = verifier.verifyNow(credential.token)
    return auth ? admit(auth) : verifier.verify(credential.token).then(admit)
  }
}
