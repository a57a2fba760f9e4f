import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Session } from '../../domain/store.ts'
import { accessTokenOf } from '../../plugins/guard.ts'

/** The session that this browser's refresh cookie proves, live or not. */
export async function sessionOfCookie(
  { sessions, sessionCookies }: FastifyInstance,
  request: FastifyRequest
): Promise<Session | undefined> {
  if (request.headers.authorization !== undefined) return undefined
  return sessions.identify(sessionCookies.read(request).refresh)
}

/** The session that a request proves by either of its tokens, live or not, though the token be expired. */
export async function provenSession(
  fastify: FastifyInstance,
  request: FastifyRequest
): Promise<Session | undefined> {
  const proven = await sessionOfCookie(fastify, request)
  if (proven) return proven
  const sessionId = sessionIdOfAccessToken(fastify, request)
  return sessionId === undefined ? undefined : fastify.store.sessions.find(sessionId)
}

function sessionIdOfAccessToken(fastify: FastifyInstance, request: FastifyRequest): string | undefined {
  try {
    const token = accessTokenOf(fastify.sessionCookies, request)
    return token && fastify.accessTokens.verify(token, { ignoreExpiry: true }).sessionId
  } catch {
    return undefined
  }
}
