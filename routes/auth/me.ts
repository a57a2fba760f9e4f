import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { NoContent } from '../../schemas/common.ts'
import { MeView } from '../../schemas/session.ts'
import { NameChange } from '../../schemas/user.ts'
import { authOf } from '../../verifier/authorization.ts'
import { meView } from '../views/session.ts'

/** /auth/me: shows the user's profile, changes the name, and deletes the account. */
const me: FastifyPluginAsyncTypebox = async (fastify) => {
  const signedIn = fastify.guard({ kind: 'user', direct: true })
  const freshlySignedIn = fastify.guard({
    kind: 'user',
    direct: true,
    fresh: fastify.config.AUTH_FRESH_TTL
  })

  fastify.get(
    '/me',
    {
      preHandler: fastify.tokenGuard('bearer', { kind: 'user', direct: true }),
      schema: {
        operationId: 'getMe',
        summary: 'Returns the signed-in user',
        tags: ['account'],
        response: { 200: MeView },
        problems: ['invalid_session']
      }
    },
    (request) => showMe(fastify, request)
  )

  fastify.patch(
    '/me',
    {
      preHandler: signedIn,
      schema: {
        operationId: 'updateMe',
        summary: 'Changes the name',
        tags: ['account'],
        body: NameChange,
        response: { 200: MeView },
        problems: ['invalid_session']
      }
    },
    async (request, reply) => {
      const { subject: userId, sessionId } = authOf(request)
      const renamed = await fastify.accounts.rename(
        { userId, sessionId },
        request.body.name,
        request.caller()
      )
      reply.renewAccessToken(renamed)
      return meView(renamed)
    }
  )

  fastify.delete(
    '/me',
    {
      preHandler: freshlySignedIn,
      schema: {
        operationId: 'deleteMe',
        summary: 'Deletes the account',
        tags: ['account'],
        response: { 204: NoContent },
        problems: ['last_administrator']
      }
    },
    async (request, reply) => {
      await fastify.accounts.deleteOwn(authOf(request).subject, request.caller())
      reply.endSession()
      reply.code(204)
      return null
    }
  )
}

/** Returns the view of the signed-in user. Throws a Problem `unauthorized` if the session has ended. */
export async function showMe({ sessions }: FastifyInstance, request: FastifyRequest): Promise<MeView> {
  const session = await sessions.current(authOf(request).sessionId)
  return meView(await sessions.withUser(session))
}

export default me
