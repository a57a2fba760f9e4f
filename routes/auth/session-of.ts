import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Session } from '../../domain/model/session.ts'

/** The session, live or not, that this browser is bound to and proves by one of its tokens, though it has expired. */
export async function boundSession(
  fastify: FastifyInstance,
  request: FastifyRequest
): Promise<Session | undefined> {
  const sessionId = fastify.sessionCookies.bindingOf(request)?.sessionId
  const { refresh, access } = fastify.sessionCookies.read(request)
  const session = await fastify.sessions.identify({ texts: refresh, sessionId })
  if (session || !sessionId) return session
  const isProven = access.some((token) => sessionIdOf(fastify, token) === sessionId)
  return isProven ? fastify.store.sessions.find(sessionId) : undefined
}

/** Every session that a cookie of this request proves, whatever the browser is bound to: what a sign-out ends. */
export async function provenSessions(fastify: FastifyInstance, request: FastifyRequest): Promise<Session[]> {
  const { refresh, access } = fastify.sessionCookies.read(request)
  const ids = [
    ...fastify.sessionCookies.bindingsOf(request).map(({ sessionId }) => sessionId),
    ...access.flatMap((token) => sessionIdOf(fastify, token) ?? [])
  ]
  const named = await Promise.all([...new Set(ids)].map((id) => fastify.store.sessions.find(id)))
  const sessions = [...named, ...(await fastify.sessions.identifyAll(refresh))]
  return [...new Map(sessions.flatMap((session) => (session ? [[session.id, session]] : []))).values()]
}

function sessionIdOf({ accessTokens }: FastifyInstance, token: string): string | undefined {
  const auth = accessTokens.read(token)
  // A service that acts for a person (RFC 8693) does not speak for their session.
  return auth?.claims.act === undefined ? auth?.claims.sid : undefined
}
