import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { OAuthError } from '../../domain/oauth/errors.ts'
import { AboutToken, FORM, Revoked } from '../../schemas/oauth.ts'

/** POST /oauth/revoke: revokes one of the client's own access tokens, everywhere (RFC 7009). */
const revoke: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/revoke',
    {
      preHandler: fastify.clientGuard,
      schema: {
        operationId: 'revokeToken',
        summary: 'Revokes a client’s own token',
        tags: ['oauth'],
        consumes: [FORM],
        body: AboutToken,
        response: { 200: Revoked },
        oauthErrors: ['unauthorized_client']
      }
    },
    async (request, reply) => {
      const { client, body } = request
      if (body.token === undefined) throw new OAuthError('invalid_request', 'token is missing.')
      const auth = fastify.accessTokens.ofAnyAudience.read(body.token)
      if (auth) await fastify.clients.tokens.revoke(client, auth, { ...request.caller(), actorId: client.id })
      // RFC 7009 §2.2: the content does not matter, so there is none.
      return reply.send()
    }
  )
}

export default revoke
