import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { SECOND } from '../../domain/clock.ts'
import type { Session } from '../../domain/model/session.ts'
import type { SignedIn } from '../../domain/sessions/sessions.ts'
import { userClaims } from '../../domain/tokens/access-token.ts'

declare module 'fastify' {
  interface FastifyReply {
    /**
     * Sets all cookies of a session. Only for a request that proved a password, a one-time link or the session's refresh
     * token.
     */
    startSession(signedIn: SignedIn): void
    /** Sets a new access token only: for a request that proved the previous one. */
    renewAccessToken(signedIn: SignedIn): void
    /** Clears the cookies of the session. */
    endSession(): void
  }
  interface FastifyRequest {
    /** Resolves to the session that the browser is bound to and proves by a token. An ended session or expired token counts. */
    session(): Promise<Session | undefined>
    /** Resolves to every session that a cookie of this request proves: a sign-out ends these. */
    provenSessions(): Promise<Session[]>
  }
}

/** Decorates requests and replies with the session of the browser, which they read from cookies and write to cookies. */
export default fp(
  async (fastify) => {
    const { sessionCookies } = fastify
    fastify.decorateRequest('session', function session(this) {
      return findSession(fastify, this)
    })
    fastify.decorateRequest('provenSessions', function provenSessions(this) {
      return findProvenSessions(fastify, this)
    })
    fastify.decorateReply('startSession', function startSession(this, signedIn) {
      const { session, refreshToken } = signedIn
      const binding = { sessionId: session.id, generation: session.generation }
      setCookies(fastify, this, signedIn, { refresh: refreshToken, binding })
    })
    fastify.decorateReply('renewAccessToken', function renewAccessToken(this, signedIn) {
      setCookies(fastify, this, signedIn)
    })
    fastify.decorateReply('endSession', function endSession(this) {
      sessionCookies.clear(this)
    })
  },
  { name: 'browser-session', dependencies: ['config', 'session-cookies', 'access-tokens', 'sessions'] }
)

async function findSession(fastify: FastifyInstance, request: FastifyRequest): Promise<Session | undefined> {
  const sessionId = fastify.sessionCookies.bindingOf(request)?.sessionId
  const { refresh, access } = fastify.sessionCookies.read(request)
  const session = await fastify.sessions.findByRefreshToken({ texts: refresh, sessionId })
  if (session || !sessionId) return session
  const isProven = access.some((token) => sessionIdOf(fastify, token) === sessionId)
  return isProven ? fastify.store.sessions.find(sessionId) : undefined
}

async function findProvenSessions(fastify: FastifyInstance, request: FastifyRequest): Promise<Session[]> {
  const { refresh, access } = fastify.sessionCookies.read(request)
  const ids = [
    ...fastify.sessionCookies.bindingsOf(request).map(({ sessionId }) => sessionId),
    ...access.flatMap((token) => sessionIdOf(fastify, token) ?? [])
  ]
  const named = await Promise.all([...new Set(ids)].map((id) => fastify.store.sessions.find(id)))
  const sessions = [...named, ...(await fastify.sessions.findByRefreshTokens(refresh))]
  return [...new Map(sessions.flatMap((session) => (session ? [[session.id, session]] : []))).values()]
}

function sessionIdOf({ accessTokens }: FastifyInstance, token: string): string | undefined {
  const auth = accessTokens.read(token)
  // The token of a service that acts for a user (RFC 8693) does not prove the user's session.
  return auth?.claims.act === undefined ? auth?.claims.sid : undefined
}

function setCookies(
  { accessTokens, sessionCookies, config, clock }: FastifyInstance,
  reply: FastifyReply,
  { user, session }: SignedIn,
  lasting: Omit<Parameters<typeof sessionCookies.set>[1], 'access'> = {}
): void {
  const now = clock()
  const access = accessTokens.issue(userClaims(user, session, config, now))
  const maxAge = session.remember ? Math.ceil((session.expiresAt - now) / SECOND) : undefined
  sessionCookies.set(reply, { access, ...lasting }, maxAge)
}
