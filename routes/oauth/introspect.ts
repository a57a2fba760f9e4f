import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { OAuthError } from '../../domain/oauth/errors.ts'
import { introspectionOf, mayIntrospect } from '../../domain/oauth/introspection.ts'
import { AboutToken, FORM, Introspection } from '../../schemas/oauth.ts'
import type { Auth } from '../../verifier/authorization.ts'
import { Refusal } from '../../verifier/refusal.ts'

/**
 * POST /oauth/introspect: tells whether a token is valid at this moment, and what it says (RFC 7662). A client may ask about
 * its own tokens; a client with the scope `tokens:introspect`, about all.
 */
const introspect: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/introspect',
    {
      preHandler: fastify.clientGuard,
      schema: {
        operationId: 'introspectToken',
        summary: 'Says whether a token is active',
        tags: ['oauth'],
        consumes: [FORM],
        body: AboutToken,
        response: { 200: Introspection },
        oauthErrors: []
      }
    },
    async ({ client, body: { token } }) => {
      if (token === undefined) throw new OAuthError('invalid_request', 'token is missing.')
      const auth = await verified(token)
      return auth && mayIntrospect(client, auth) ? introspectionOf(auth) : { active: false }
    }
  )

  async function verified(token: string): Promise<Auth | undefined> {
    try {
      return await fastify.accessTokens.ofAnyAudience.verify(token)
    } catch (error) {
      if (error instanceof Refusal && error.status === 401) return undefined
      throw error
    }
  }
}

export default introspect
