import type { IncomingHttpHeaders } from 'node:http'
import { type Auth, assertAllowed, type Requirements } from './authorization.ts'
import { type Credential, readCredentials } from './credentials.ts'
import { comesFromHere, isSafeMethod } from './cross-site.ts'
import { assertSensible, type GuardOptions, toMilliseconds } from './guard-options.ts'
import { Refusal } from './refusal.ts'
import type { TokenVerifier } from './token-verifier.ts'

/** What holds for every route of a service. */
export interface GuardSettings {
  verifier: Pick<TokenVerifier, 'verify' | 'verifyNow'>
  /** Names of the access cookie, to be tried in this order. */
  cookies: string[]
  /**
   * Origins besides the service's own whose pages may send unsafe requests that ride on the cookie. `unchecked`: the
   * service itself refuses other sites' requests.
   */
  allowedOrigins: ReadonlySet<string> | 'unchecked'
  /** Milliseconds since the epoch. */
  clock: () => number
  /** What else a good token needs to count at this service; one that lacks it is passed over like a bad one. */
  accepts?: (auth: Auth, from: Credential['from'], headers: IncomingHttpHeaders) => boolean
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
  { verifier, cookies, allowedOrigins, clock, accepts }: GuardSettings,
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

  function admit(auth: Auth, { from }: Credential, { headers }: GuardedRequest): Auth {
    if (accepts && !accepts(auth, from, headers)) throw new Refusal('unauthorized')
    return auth
  }

  function authorize(auth: Auth): Auth {
    assertAllowed(auth, requirements, clock())
    return auth
  }

  // A token that a refresh mends says more than one that is bad.
  async function firstAdmitted(credentials: Credential[], request: GuardedRequest): Promise<Auth> {
    let refusal = new Refusal('unauthorized')
    for (const credential of credentials) {
      try {
        return admit(await verifier.verify(credential.token), credential, request)
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        if (refusal.code === 'unauthorized') refusal = error
      }
    }
    throw refusal
  }

  return (request) => {
    const credentials = readCredentials(request.headers, cookies, from)
    const [credential] = credentials
    if (!credential) {
      if (optional) return null
      throw new Refusal('unauthorized')
    }
    if (credential.from === 'cookie') assertFromHere(request)
    const auth = credentials.length === 1 ? verifier.verifyNow(credential.token) : undefined
    return auth
      ? authorize(admit(auth, credential, request))
      : firstAdmitted(credentials, request).then(authorize)
  }
}
