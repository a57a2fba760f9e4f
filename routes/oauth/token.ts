import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import { SECOND } from '../../domain/clock.ts'
import type { Client } from '../../domain/model/store.ts'
import { OAuthError } from '../../domain/oauth/errors.ts'
import { ACCESS_TOKEN_TYPE, CLIENT_CREDENTIALS, TOKEN_EXCHANGE } from '../../domain/oauth/grants.ts'
import { FORM, IssuedToken, oauthErrorReplies, TokenForm } from '../../schemas/oauth.ts'
import type { Auth } from '../../verifier/authorization.ts'
import type { Claims } from '../../verifier/claims.ts'
import { Refusal } from '../../verifier/refusal.ts'

type Form = Static<typeof TokenForm>

/** POST /oauth/token: issues an access token for the client itself (RFC 6749 §4.4), or for a user whose token it has (RFC 8693). */
const token: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/token',
    {
      preHandler: fastify.clientGuard,
      schema: {
        tags: ['oauth'],
        consumes: [FORM],
        body: TokenForm,
        response: { 200: IssuedToken, ...oauthErrorReplies }
      }
    },
    async ({ client, body, log }, reply) => {
      const claims = await grant(fastify, client, body)
      // RFC 6749 §5.1 requires it, in addition to `Cache-Control: no-store`.
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

async function grant(fastify: FastifyInstance, client: Client, form: Form): Promise<Claims> {
  const { tokens } = fastify.clients
  const { grant_type: type } = form
  if (type === undefined) throw new OAuthError('invalid_request', 'grant_type is missing.')
  if (type !== CLIENT_CREDENTIALS && type !== TOKEN_EXCHANGE)
    throw new OAuthError('unsupported_grant_type', 'There is no such grant here.')
  if (!client.grants.includes(type))
    throw new OAuthError('unauthorized_client', 'The client may not use this grant.')
  const request = { ...form, resource: targetOf(form) }
  if (type === CLIENT_CREDENTIALS) return tokens.forClient(client, request)
  return tokens.forSubject(client, await subjectOf(fastify, form), request)
}

/** Returns the target service. `audience` and `resource` (RFC 8693 §2.1) have the same values here, and must not differ. */
function targetOf({ resource, audience = resource }: Form): string | undefined {
  if (resource === undefined || resource === audience) return audience
  throw new OAuthError('invalid_target', 'A token is for one service.')
}

/** Verifies the subject token of a token exchange (RFC 8693 §2.1). Throws an OAuthError if it is not acceptable. */
async function subjectOf({ accessTokens, clock }: FastifyInstance, form: Form): Promise<Auth> {
  const {
    subject_token: shown,
    subject_token_type: type,
    requested_token_type: wanted = ACCESS_TOKEN_TYPE
  } = form
  if (shown === undefined || type !== ACCESS_TOKEN_TYPE || wanted !== ACCESS_TOKEN_TYPE) {
    throw new OAuthError('invalid_request', 'Access tokens are exchanged for access tokens.')
  }
  // If it were ignored, the new token would not name the actor that the client asked for (RFC 8693 §2.2.2).
  if (form.actor_token !== undefined || form.actor_token_type !== undefined) {
    throw new OAuthError('invalid_request', 'The client itself acts: no actor_token is taken.')
  }
  const auth = await accessTokens.ofAnyAudience.verify(shown).catch((error: unknown) => {
    if (error instanceof Refusal && error.status === 401) {
      throw new OAuthError('invalid_request', 'The subject token is not valid.', error)
    }
    throw error
  })
  // A verifier accepts a token for some seconds after its end, because clocks differ. The new token would have no life left.
  if (auth.claims.exp * SECOND <= clock())
    throw new OAuthError('invalid_request', 'The subject token is not valid.')
  if (auth.kind !== 'user')
    throw new OAuthError('invalid_request', 'The subject token is not that of a person.')
  return auth
}

export default token
