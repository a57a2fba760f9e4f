import type { FastifyInstance, FastifyRequest, preHandlerHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { type Auth, assertAllowed, type Requirements } from '../domain/authorization.ts'
import { Problem } from '../domain/errors.ts'
import { parseDuration } from '../schemas/duration.ts'
import type { SessionCookies } from './session-cookies.ts'

export interface GuardOptions extends Omit<Requirements, 'fresh'> {
  /** The sign-in is at most this old: a duration such as `10m`, or milliseconds. */
  fresh?: string | number
  /** Lets callers without a token in, with `request.auth` null; a bad token is refused all the same. */
  optional?: boolean
  /** Takes the token from here only. */
  from?: 'cookie' | 'header'
}

declare module 'fastify' {
  interface FastifyInstance {
    /** A `preHandler` that lets in who meets the options and leaves them as `request.auth`. */
    guard(options?: GuardOptions): preHandlerHookHandler
  }
  interface FastifyRequest {
    /** Who makes the request; null before a guard has run, and where an `optional` one let a stranger in. */
    auth: Auth
  }
}

const guards = new WeakSet<object>()

/** Whether this hook is a guard: `routes/` refuses to start with a route that has none and is not declared public. */
export function isGuard(hook: unknown): boolean {
  return typeof hook === 'function' && guards.has(hook)
}

/** Decorates `guard(options)` and `request.auth`. A guarded call with a token seen before costs map look-ups, no I/O. */
export default fp(
  async (fastify) => {
    fastify.decorateRequest('auth', null as unknown as Auth)
    fastify.decorate('guard', (options = {}) => createGuard(fastify, options))
  },
  { name: 'guard', dependencies: ['config', 'session-cookies', 'access-tokens', 'revocations'] }
)

function createGuard(fastify: FastifyInstance, options: GuardOptions): preHandlerHookHandler {
  const { accessTokens, revocations, sessionCookies, clock } = fastify
  const { optional = false, from, fresh, ...others } = options
  const requirements: Requirements =
    fresh === undefined ? others : { ...others, fresh: toMilliseconds(fresh) }

  function authenticate(request: FastifyRequest): void {
    const token = accessTokenOf(sessionCookies, request, from)
    if (token === undefined) {
      if (optional) return
      throw new Problem('unauthorized')
    }
    const auth = accessTokens.verify(token)
    if (!revocations.isCurrent()) throw new Problem('unavailable', { retryAfter: 1 })
    const standing = revocations.standingOf(auth.claims)
    if (standing === 'revoked') throw new Problem('unauthorized')
    if (standing === 'stale') throw new Problem('token_stale')
    request.auth = auth
    assertAllowed(auth, requirements, clock())
  }

  const guard: preHandlerHookHandler = (request, _reply, done) => {
    let refusal: Problem | undefined
    try {
      authenticate(request)
    } catch (error) {
      refusal = error as Problem
    }
    // Outside of the try: what fails after the guard is not the guard's to answer.
    done(refusal)
  }
  guards.add(guard)
  return guard
}

/** The access token that a request carries. Throws a Problem `unauthorized` for an Authorization header that is no bearer token. */
export function accessTokenOf(
  sessionCookies: SessionCookies,
  request: FastifyRequest,
  from?: GuardOptions['from']
): string | undefined {
  const { authorization } = request.headers
  // A header, where there is one, is the only credential looked at: a bad one is never made up for by a cookie.
  if (authorization !== undefined) return from === 'cookie' ? undefined : bearerToken(authorization)
  return from === 'header' ? undefined : sessionCookies.read(request).access
}

/** RFC 6750 §2.1, to the letter: the scheme, one space, the token. */
function bearerToken(authorization: string): string {
  const match = /^Bearer ([A-Za-z0-9._~+/-]+=*)$/i.exec(authorization)
  if (!match) throw new Problem('unauthorized')
  return match[1] as string
}

function toMilliseconds(duration: string | number): number {
  const milliseconds = typeof duration === 'number' ? duration : parseDuration(duration)
  if (!Number.isFinite(milliseconds) || milliseconds <= 0)
    throw new Error(`guard: ${duration} is not a duration`)
  return milliseconds
}
