import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Client } from '../../domain/model/store.ts'
import { OAuthError } from '../../domain/oauth/errors.ts'
import { AboutToken, FORM, Introspection, oauthErrorReplies } from '../../schemas/oauth.ts'
import type { Auth } from '../../verifier/authorization.ts'
import { Refusal } from '../../verifier/refusal.ts'

const INTROSPECT_ALL = 'tokens:introspect'

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
        tags: ['oauth'],
        consumes: [FORM],
        body: AboutToken,
        response: { 200: Introspection, ...oauthErrorReplies }
      }
    },
    async ({ client, body: { token } }) => {
      if (token === undefined) throw new OAuthError('invalid_request', 'token is missing.')
      const auth = await verified(token)
      return auth && mayKnow(client, auth) ? introspectionOf(auth) : { active: false }
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

function mayKnow(client: Client, { claims }: Auth): boolean {
  return claims.client_id === client.id || client.scope.includes(INTROSPECT_ALL)
}

function introspectionOf({ claims, roles }: Auth) {
  const { iss, aud, sub, client_id, jti, iat, exp, scope, auth_time, act } = claims
  const always = { active: true, token_type: 'Bearer', iss, aud: String(aud), sub, jti, iat, exp, scope }
  return {
    ...always,
    ...(client_id !== undefined && { client_id }),
    ...(auth_time !== undefined && { auth_time, roles }),
    ...(act && { act: { ...act } })
  }
}

export default introspect
