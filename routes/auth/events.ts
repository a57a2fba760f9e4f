import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Closed } from '../../schemas/common.ts'
import { OwnEventView } from '../../schemas/own-event.ts'
import { PageOf, pageQuery } from '../../schemas/paging.ts'
import { authOf } from '../../verifier/authorization.ts'
import { pageOf, pageView } from '../paging.ts'
import { ownEventView } from '../views/own-event.ts'

/** GET /auth/events: lists what happened to the user's account, newest first. */
const events: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get(
    '/events',
    {
      preHandler: fastify.guard({ kind: 'user', direct: true }),
      schema: {
        operationId: 'listOwnEvents',
        summary: 'Lists what happened to the user’s account',
        tags: ['account'],
        querystring: Closed(pageQuery),
        response: { 200: PageOf(OwnEventView) },
        problems: []
      }
    },
    async (request) => {
      const { query } = request
      const listed = await fastify.accounts.listOwnEvents(authOf(request).subject, pageOf(query))
      return pageView(listed, query, ({ id }) => id, ownEventView)
    }
  )
}

export default events
