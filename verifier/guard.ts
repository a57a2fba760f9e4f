import type { IncomingHttpHeaders } from 'node:http'
import { type Auth, assertAllowed, type Requirements } from './authorization.ts'
import { type Credential, readCredential } from './credentials.ts'
import { comesFromHere, isSafeMethod } from './cross-site.ts'
import { parseDuration } from './duration.ts'
import { Refusal } from './refusal.ts'
import type { TokenVerifier } from './token-verifier.ts'

/** What one route asks of its callers. */
export interface GuardOptions extends Omit<Requirements, 'fresh'> {
  /** The sign-in is at most this old: a duration such as `10m`, or milliseconds. */
  fresh?: string | number
  /** Lets callers without a token in, with `auth` null; a bad token is refused all the same. */
  optional?: boolean
  /** Takes the token from here only. */
  from?: Credential['from']
}

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
 * look-ups in memory. Throws an Error at once for options that make no sense.
 */
export function createGuard(
  { verifier, cookies, allowedOrigins, clock }: GuardSettings,
  { optional = false, from, fresh, ...others }: GuardOptions = {}
): (request: GuardedRequest) => Admission {
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

function toMilliseconds(duration: string | number): number {
  const milliseconds = typeof duration === 'number' ? duration : parseDuration(duration)
  if (!Number.isFinite(milliseconds) || milliseconds <= 0)
    throw new Error(`guard: ${duration} is not a duration`)
  return milliseconds
}
