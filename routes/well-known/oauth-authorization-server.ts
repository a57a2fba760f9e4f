import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ASSERTION_ALGORITHMS, CLIENT_AUTHENTICATION_METHODS } from '../../domain/clients/credentials.ts'
import { CLIENT_CREDENTIALS } from '../../domain/oauth/grants.ts'
import { TOKEN_EXCHANGE } from '../../domain/oauth/token-exchange.ts'
import { ServerMetadata } from '../../schemas/oauth.ts'

const MAX_AGE = 3600

/** The second address is for gateways and frameworks that read no other (RFC 8414 §5): AWS, Azure, .NET. */
const ADDRESSES = [
  {
    path: '/oauth-authorization-server',
    operationId: 'getServerMetadata',
    summary: 'Returns the server metadata'
  },
  {
    path: '/openid-configuration',
    operationId: 'getOpenIdConfiguration',
    summary: 'Returns the server metadata, for software that looks here'
  }
]

/** GET /.well-known/oauth-authorization-server and openid-configuration: describe this server to OAuth clients (RFC 8414). */
const metadata: FastifyPluginAsyncTypebox = async (fastify) => {
  const { AUTH_ISSUER: issuer, AUTH_AUDIENCE, AUTH_DOCS } = fastify.config
  const methods = [...CLIENT_AUTHENTICATION_METHODS]
  const algorithms = [...ASSERTION_ALGORITHMS]
  const document = {
    issuer,
    token_endpoint: `${issuer}/oauth/token`,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    introspection_endpoint: `${issuer}/oauth/introspect`,
    revocation_endpoint: `${issuer}/oauth/revoke`,
    // What tokens are for by default (RFC 9728 §4). Verifiers compare their own audience with it.
    protected_resources: [AUTH_AUDIENCE],
    // Gatehouse has no authorization endpoint, so it supports no response types.
    response_types_supported: [],
    grant_types_supported: [CLIENT_CREDENTIALS, TOKEN_EXCHANGE],
    token_endpoint_auth_methods_supported: methods,
    token_endpoint_auth_signing_alg_values_supported: algorithms,
    introspection_endpoint_auth_methods_supported: methods,
    introspection_endpoint_auth_signing_alg_values_supported: algorithms,
    revocation_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_signing_alg_values_supported: algorithms,
    ...(AUTH_DOCS === 'on' && { service_documentation: `${issuer}/docs` })
  }

  for (const { path, operationId, summary } of ADDRESSES)
    fastify.get(
      path,
      {
        config: { public: true, rateLimit: false },
        schema: { operationId, summary, tags: ['oauth'], response: { 200: ServerMetadata }, problems: [] }
      },
      async (_request, reply) => {
        reply.header('cache-control', `public, max-age=${MAX_AGE}`)
        return document
      }
    )
}

export default metadata
