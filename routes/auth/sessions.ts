import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Closed, IdParams, NoContent } from '../../schemas/common.ts'
import { PageOf, pageQuery } from '../../schemas/paging.ts'
import { DeviceView } from '../../schemas/session.ts'
import { authOf } from '../../verifier/authorization.ts'
import { pageOf } from '../paging.ts'
import { devicesView } from '../views/session.ts'

/** /auth/sessions: lists the devices on which the user is signed in, and ends the session of one. */
const sessions: FastifyPluginAsyncTypebox = async (fastify) => {
  const signedIn = fastify.guard({ kind: 'user', direct: true })
  const freshlySignedIn = fastify.guard({
    kind: 'user',
    direct: true,
    fresh: fastify.config.AUTH_FRESH_TTL
  })

  fastify.get(
    '/sessions',
    {
      preHandler: signedIn,
      schema: {
        operationId: 'listSessions',
        summary: 'Lists the user’s sessions',
        tags: ['account'],
        querystring: Closed(pageQuery),
        response: { 200: PageOf(DeviceView) },
        problems: []
      }
    },
    async (request) => {
      const { subject, sessionId } = authOf(request)
      const live = await fastify.sessions.listLive(subject, pageOf(request.query))
      return devicesView(live, request.query, sessionId)
    }
  )

  fastify.delete(
    '/sessions/:id',
    {
      preHandler: freshlySignedIn,
      schema: {
        operationId: 'endSession',
        summary: 'Ends one session of the user',
        tags: ['account'],
        params: IdParams,
        response: { 204: NoContent },
        problems: ['not_found']
      }
    },
    async (request, reply) => {
      const { subject, sessionId } = authOf(request)
      const { id } = request.params
      await fastify.sessions.endOwned(subject, id, 'ended_by_user', request.caller())
      if (id === sessionId) reply.endSession()
      reply.code(204)
      return null
    }
  )
}

export default sessions
