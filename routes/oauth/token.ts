import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ACCESS_TOKEN_TYPE, TOKEN_EXCHANGE } from '../../domain/oauth/token-exchange.ts'
import { FORM, IssuedToken, TokenForm } from '../../schemas/oauth.ts'

/** POST /oauth/token: issues a token for the client (RFC 6749 §4.4), or for a user whose token it has (RFC 8693). */
const token: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/token',
    {
      preHandler: fastify.clientGuard,
      schema: {
        operationId: 'issueToken',
        summary: 'Issues an access token to a machine client',
        tags: ['oauth'],
        consumes: [FORM],
        body: TokenForm,
        response: { 200: IssuedToken },
        oauthErrors: ['unauthorized_client', 'unsupported_grant_type', 'invalid_scope', 'invalid_target']
      }
    },
    async ({ client, body, log }, reply) => {
      const claims = await fastify.clients.tokens.grant(
        client,
        body,
        fastify.accessTokens.ofAnyAudience.verify
      )
      // RFC 6749 §5.1 requires it in addition to `Cache-Control: no-store`.
      reply.header('pragma', 'no-cache')
      log.info({ clientId: client.id, sub: claims.sub, scope: claims.scope, jti: claims.jti }, 'token issued')
      return {
        access_token: fastify.accessTokens.issue(claims),
        token_type: 'Bearer' as const,
        expires_in: claims.exp - claims.iat,
        scope: claims.scope,
        ...(body.grant_type === TOKEN_EXCHANGE && { issued_token_type: ACCESS_TOKEN_TYPE })
      }
    }
  )
}

export default token
