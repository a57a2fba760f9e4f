import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { preHandlerAsyncHookHandler } from 'fastify'
import { SessionOrNull } from '../../schemas/session.ts'
import { carriesBearer } from '../../verifier/credentials.ts'
import { showMe } from './me.ts'

/**
 * GET /auth/session: shows what GET /auth/me shows, or null if no one is signed in. If the access token has expired or is stale,
 * but a refresh would work, it answers 401 like any other route. A bearer token is refused.
 */
const session: FastifyPluginAsyncTypebox = async (fastify) => {
  const answerStranger: preHandlerAsyncHookHandler = async (request, reply) => {
    if (carriesBearer(request.headers) || fastify.sessions.isLive(await request.session())) return
    // Fastify sends null as an empty body.
    return reply.type('application/json; charset=utf-8').send('null')
  }

  fastify.get(
    '/session',
    {
      preHandler: [answerStranger, fastify.guard({ kind: 'user', direct: true })],
      schema: {
        operationId: 'getSession',
        summary: 'Returns the signed-in user, or `null` if no one is signed in',
        tags: ['account'],
        response: { 200: SessionOrNull },
        problems: ['invalid_session']
      }
    },
    (request) => showMe(fastify, request)
  )
}

export default session
