import type { FastifyInstance, FastifyReply } from 'fastify'
import { userClaims } from '../../domain/access-token.ts'
import { SECOND } from '../../domain/clock.ts'
import type { SignedIn } from '../../domain/sessions.ts'

/** Puts a new access token into its cookie, and the refresh token of the session's generation into the other. */
export function setSignInCookies(fastify: FastifyInstance, reply: FastifyReply, signedIn: SignedIn): void {
  const { accessTokens, sessionCookies, config, clock } = fastify
  const { user, session, refreshToken } = signedIn
  const now = clock()
  const access = accessTokens.issue(userClaims(user, session, config, now))
  const maxAge = session.remember ? Math.ceil((session.expiresAt - now) / SECOND) : undefined
  sessionCookies.set(reply, { access, refresh: refreshToken }, maxAge)
}
