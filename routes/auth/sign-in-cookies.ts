import type { FastifyInstance, FastifyReply } from 'fastify'
import { SECOND } from '../../domain/clock.ts'
import type { SignedIn } from '../../domain/sessions/sessions.ts'
import { userClaims } from '../../domain/tokens/access-token.ts'

/**
 * Gives a browser all cookies of a session. Only for a request that showed a password, a one-time link, or the session's own
 * refresh token.
 */
export function setSignInCookies(fastify: FastifyInstance, reply: FastifyReply, signedIn: SignedIn): void {
  const { session, refreshToken } = signedIn
  const binding = { sessionId: session.id, generation: session.generation }
  setCookies(fastify, reply, signedIn, { refresh: refreshToken, binding })
}

/** Gives a browser a new access token: for a request that showed the one before, which gives no right to more. */
export function setAccessCookie(fastify: FastifyInstance, reply: FastifyReply, signedIn: SignedIn): void {
  setCookies(fastify, reply, signedIn)
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
