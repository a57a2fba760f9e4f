import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance, preHandlerHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import type { Auth } from '../verifier/authorization.ts'
import {
  decorateGuard,
  type GuardOptions,
  guardOf,
  guardOptionsOf,
  type OnRefusal
} from '../verifier/fastify.ts'
import type { GuardSettings } from '../verifier/guard.ts'

export { isGuard } from '../verifier/fastify.ts'

/**
 * Ways to send a user's token, besides the access cookie with the session cookie. `bearer`: in the Authorization header.
 * `shared`: also as the access cookie that `AUTH_COOKIE_DOMAIN` shares. A proxy of another host gets no session cookie.
 */
type Showing = 'bearer' | 'shared'

/** What the API reference says about a guard. */
export interface GuardDescription {
  options: GuardOptions
  /** Which callers may send their token in the Authorization header. */
  bearer: 'none' | 'clients' | 'all'
}

const tokenGuards = new WeakSet<object>()

/** Returns what a guard requires; undefined if this hook is no guard. */
export function describeGuard(hook: unknown): GuardDescription | undefined {
  const options = guardOptionsOf(hook)
  if (!options) return undefined
  if (tokenGuards.has(hook as object)) return { options, bearer: 'all' }
  // A machine client has a user's token only by exchange, and that is never direct.
  const refusesClients = options.kind === 'user' && options.direct === true
  return { options, bearer: refusesClients ? 'none' : 'clients' }
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Makes a guard for routes that identify a user or client, and change nothing. */
    tokenGuard(showing: Showing, options?: GuardOptions): preHandlerHookHandler
  }
}

/**
 * Decorates `guard(options)` and `request.auth`: the guard that other services install, with Gatehouse's keys and revocations.
 * A user's token counts only with the session cookie of its session, because services and other hosts see tokens, too. A
 * machine client's token counts only as bearer, even if it acts for a user (RFC 8693). Refusals go to the error handler.
 * `cross-site.ts` has already refused requests of other sites.
 */
export default fp(
  async (fastify) => {
    const { accessTokens, sessionCookies, clock } = fastify
    const settingsFor = (accepts: Acceptance): GuardSettings => ({
      verifier: accessTokens,
      cookies: [sessionCookies.names.access],
      allowedOrigins: 'unchecked',
      clock,
      accepts: (auth, from, headers) =>
        isOfAMachine(auth) ? from === 'header' : accepts(auth, from, headers)
    })
    const { bound, bearer, shared } = acceptances(fastify)
    const showings = { bearer: settingsFor(bearer), shared: settingsFor(shared) }
    decorateGuard(fastify, settingsFor(bound), refuse)
    fastify.decorate('tokenGuard', (showing: Showing, options?: GuardOptions) => {
      const guard = guardOf(showings[showing], options, refuse)
      tokenGuards.add(guard)
      return guard
    })
  },
  { name: 'guard', dependencies: ['config', 'session-cookies', 'access-tokens'] }
)

function isOfAMachine({ kind, claims }: Auth): boolean {
  return kind === 'service' || claims.act !== undefined
}

const refuse: OnRefusal = (refusal) => {
  throw refusal
}

type Acceptance = (auth: Auth, from: 'cookie' | 'header', headers: IncomingHttpHeaders) => boolean

function acceptances({ sessionCookies, config }: FastifyInstance): Record<'bound' | Showing, Acceptance> {
  const isBound: Acceptance = ({ sessionId }, from, headers) =>
    from === 'cookie' && sessionCookies.bindingOf({ headers })?.sessionId === sessionId
  const isShared = (headers: IncomingHttpHeaders) =>
    config.AUTH_COOKIE_DOMAIN !== '' && sessionCookies.read({ headers }).session.length === 0
  return {
    bound: isBound,
    bearer: (auth, from, headers) => from === 'header' || isBound(auth, from, headers),
    shared: (auth, from, headers) => from === 'header' || isShared(headers) || isBound(auth, from, headers)
  }
}
