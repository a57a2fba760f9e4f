import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { withStatus } from '../../domain/keys/schedule.ts'
import type { ManagementScope } from '../../domain/roles/scopes.ts'
import { Closed, NoContent } from '../../schemas/common.ts'
import { PageOf, pageQuery } from '../../schemas/paging.ts'
import { KidParams, SigningKeyView } from '../../schemas/signing-key.ts'
import { notACursor, pageOf, pageView } from '../paging.ts'
import { signingKeyView } from '../views/signing-key.ts'

const Keys = PageOf(SigningKeyView)

/** /admin/keys: lists, rotates and revokes signing keys. */
const keys: FastifyPluginAsyncTypebox = async (fastify) => {
  const mayWrite = fastify.guard<ManagementScope>({
    scope: 'keys:write',
    fresh: fastify.config.AUTH_FRESH_TTL
  })

  function page(query: { limit?: number; cursor?: string }) {
    const { after } = pageOf(query)
    const known = withStatus(fastify.signingKeys.schedule())
    const start = known.findIndex(({ kid }) => kid === after) + 1
    if (after !== undefined && start === 0) throw notACursor()
    return pageView(known.slice(start), query, ({ kid }) => kid, signingKeyView)
  }

  fastify.get(
    '/keys',
    {
      preHandler: fastify.guard<ManagementScope>({ scope: 'keys:read' }),
      schema: {
        operationId: 'listKeys',
        summary: 'Lists the signing keys',
        tags: ['admin'],
        querystring: Closed(pageQuery),
        response: { 200: Keys },
        problems: []
      }
    },
    async ({ query }) => page(query)
  )

  fastify.post(
    '/keys',
    {
      preHandler: mayWrite,
      schema: {
        operationId: 'rotateKeys',
        summary: 'Activates the next key',
        tags: ['admin'],
        description: 'The next key signs as soon as every verifier can know it: `activatesAt` says when.',
        response: { 200: Keys },
        problems: []
      }
    },
    async (request) => {
      await fastify.signingKeys.rotate(request.caller())
      return page({})
    }
  )

  fastify.delete(
    '/keys/:kid',
    {
      preHandler: mayWrite,
      schema: {
        operationId: 'revokeKey',
        summary: 'Revokes a key',
        tags: ['admin'],
        description:
          'All that this key signed is refused, here and in services that follow the revocations, within a second. If it signs, its successor signs at once.',
        params: KidParams,
        response: { 204: NoContent },
        problems: ['not_found']
      }
    },
    async (request, reply) => {
      await fastify.signingKeys.revoke(request.params.kid, request.caller())
      reply.code(204)
      return null
    }
  )
}

export default keys
