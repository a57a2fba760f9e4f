import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Session } from '../../domain/store.ts'
import { readCredential } from '../../verifier/credentials.ts'

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
  return sessionId ? fastify.store.sessions.find(sessionId) : undefined
}

function sessionIdOfAccessToken(fastify: FastifyInstance, request: FastifyRequest): string | undefined {
  try {
    const credential = readCredential(request.headers, [fastify.sessionCookies.names.access])
    const auth = credential && fastify.accessTokens.read(credential.token)
    // Whoever acts for somebody (RFC 8693) does not speak for their session.
    return auth?.claims.act === undefined ? auth?.sessionId : undefined
  } catch {
    return undefined
  }
}
