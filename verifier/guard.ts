import type { IncomingHttpHeaders } from 'node:http'
import { type Auth, assertAllowed, type Requirements } from './authorization.ts'
import { type Credential, readCredentials } from './credentials.ts'
import { comesFromHere, isSafeMethod } from './cross-site.ts'
import { type GuardOptions, toMilliseconds, validateGuardOptions } from './guard-options.ts'
import { Refusal } from './refusal.ts'
import type { TokenVerifier } from './token-verifier.ts'

/** What holds for every route of a service. */
export interface GuardSettings {
  verifier: Pick<TokenVerifier, 'verify' | 'verifyNow'>
  /** Names of the access cookie, in the order in which the guard tries them. */
  cookies: string[]
  /**
   * Other origins whose pages may send unsafe requests with the cookie. `unchecked`: the service itself refuses requests
   * from other sites.
   */
  allowedOrigins: ReadonlySet<string> | 'unchecked'
  /** Milliseconds since the epoch. */
  clock: () => number
  /** An additional check of a valid token. A token that fails it is refused like an invalid one. */
  accepts?: (auth: Auth, from: Credential['from'], headers: IncomingHttpHeaders) => boolean
}

/** The parts of a request that a guard reads. */
export interface GuardedRequest {
  method?: string | undefined
  headers: IncomingHttpHeaders
}

/** Who makes a request; null if an optional guard found no token. A promise if the guard has to fetch a key first. */
export type Admission = Auth | null | Promise<Auth | null>

/**
 * Makes a guard for any framework. The guard throws a Refusal, or rejects with one. For a cached token it costs a few
 * look-ups in memory. Throws a TypeError for invalid options.
 */
export function createAdmission(
  { verifier, cookies, allowedOrigins, clock, accepts }: GuardSettings,
  options: GuardOptions = {}
): (request: GuardedRequest) => Admission {
  validateGuardOptions(options)
  const { optional = false, from, fresh, ...others } = options
  const requirements: Requirements =
    fresh === undefined ? others : { ...others, fresh: toMilliseconds(fresh) }

  function assertFromHere({ method = 'GET', headers }: GuardedRequest): void {
    if (allowedOrigins === 'unchecked' || isSafeMethod(method) || comesFromHere(headers, allowedOrigins))
      return
    const found = headers.origin === undefined ? 'none' : JSON.stringify(headers.origin)
    throw new Refusal('cross_site_request', `expected this origin or one of allowedOrigins, found ${found}`)
  }

  function admit(auth: Auth, { from }: Credential, { headers }: GuardedRequest): Auth {
    if (accepts && !accepts(auth, from, headers)) throw new Refusal('unauthorized')
    return auth
  }

  function authorize(auth: Auth): Auth {
    assertAllowed(auth, requirements, clock())
    return auth
  }

  // Of several refusals, one that a refresh can resolve says more than `unauthorized`.
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
