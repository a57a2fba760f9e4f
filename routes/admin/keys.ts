import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { withStatus } from '../../domain/key-schedule.ts'
import { PageOf } from '../../schemas/paging.ts'
import { refusals } from '../../schemas/problem.ts'
import { SigningKey } from '../../schemas/signing-key.ts'
import { signingKeyView } from '../views/signing-key.ts'

const Keys = PageOf(SigningKey)

/** /admin/keys: the signing keys, all on one page; a rotation. */
const keys: FastifyPluginAsyncTypebox = async (fastify) => {
  const page = () => ({
    items: withStatus(fastify.signingKeys.schedule()).map(signingKeyView),
    nextCursor: null
  })

  fastify.get(
    '/keys',
    {
      preHandler: fastify.guard({ scope: 'keys:read' }),
      schema: { tags: ['admin'], response: { 200: Keys, ...refusals } }
    },
    async () => page()
  )

  fastify.post(
    '/keys',
    {
      preHandler: fastify.guard({ scope: 'keys:write', fresh: fastify.config.AUTH_FRESH_TTL }),
      schema: {
        tags: ['admin'],
        description: 'The next key signs as soon as every verifier can know it: `activatesAt` says when.',
        response: { 200: Keys, ...refusals }
      }
    },
    async (request) => {
      await fastify.signingKeys.rotate(request.caller())
      return page()
    }
  )
}

export default keys
