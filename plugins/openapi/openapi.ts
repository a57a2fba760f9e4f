import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import type { ProblemCode } from '../../domain/errors.ts'
import type { OAuthErrorCode } from '../../domain/oauth/errors.ts'
import manifest from '../../package.json' with { type: 'json' }
import type { Document } from './document.ts'
import { logo } from './logo.ts'
import { nameSchemas } from './named-schemas.ts'
import { describeOperation } from './operation.ts'
import { refusalExamples } from './refusals.ts'
import { securitySchemes } from './security.ts'

// The hash allows the one style that Swagger UI's script writes into the page.
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'"
].join('; ')

const tags = [
  { name: 'auth', description: 'Sign-in, sign-out and passwords' },
  { name: 'account', description: 'A person’s own account' },
  { name: 'admin', description: 'Accounts, roles, machine clients, signing keys and the audit trail' },
  { name: 'oauth', description: 'Tokens for machine clients and services' },
  { name: 'keys', description: 'The public keys of access tokens' },
  { name: 'health', description: 'The state of the instance' }
]

declare module 'fastify' {
  interface FastifySchema {
    /** The codes of the route's own problems. Those of its guard, and of every route, are known. */
    problems?: readonly ProblemCode[]
    /** Instead of `problems`: the route answers with errors of OAuth (RFC 6749 §5.2), and these are its own. */
    oauthErrors?: readonly OAuthErrorCode[]
  }
}

/**
 * Serves OpenAPI 3.1 at /docs and /docs/json, made from the routes' schemas, guards and codes. Registered before the routes,
 * to see them.
 */
export default fp(
  async (fastify) => {
    const { AUTH_DOCS, AUTH_ISSUER, secure } = fastify.config
    if (AUTH_DOCS === 'off') return
    const { description, version, license } = manifest
    const routes = new Map<string, RouteOptions>()
    fastify.addHook('onRoute', (route) => {
      const { operationId } = route.schema ?? {}
      if (operationId !== undefined && route.method !== 'HEAD') routes.set(operationId, route)
    })

    function complete(document: Document): Document {
      for (const operation of Object.values(document.paths).flatMap((methods) => Object.values(methods))) {
        const route = routes.get(operation.operationId)
        if (route) describeOperation(operation, route, secure)
      }
      return nameSchemas(document)
    }

    await fastify.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: { title: 'Gatehouse', description, version, license: { name: license, identifier: license } },
        servers: [{ url: AUTH_ISSUER }],
        tags,
        components: {
          securitySchemes: securitySchemes(fastify.sessionCookies.names),
          examples: refusalExamples
        }
      },
      transformObject: (given) =>
        'openapiObject' in given ? complete(given.openapiObject as Document) : given.swaggerObject
    })
    await fastify.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: POLICY,
      uiConfig: { deepLinking: true },
      logo: { ...logo, href: '/docs', target: '_self' },
      theme: {
        title: 'Gatehouse API',
        favicon: [{ ...logo, filename: 'favicon.svg', rel: 'icon', sizes: 'any' }]
      }
    })
  },
  { name: 'openapi', dependencies: ['config', 'session-cookies'] }
)
