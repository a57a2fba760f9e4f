import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import fp from 'fastify-plugin'

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

/** Serves OpenAPI 3.1, made from the routes' schemas, at /docs and /docs/json. Registered before the routes, to see them. */
export default fp(
  async (fastify) => {
    if (fastify.config.AUTH_DOCS === 'off') return
    const { access } = fastify.sessionCookies.names
    await fastify.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'Gatehouse',
          description: 'Sign-in, sessions and authorisation for browser apps and services.',
          version: '0.1.0',
          license: { name: 'Apache-2.0', identifier: 'Apache-2.0' }
        },
        servers: [{ url: fastify.config.AUTH_ISSUER }],
        components: {
          securitySchemes: {
            cookie: { type: 'apiKey', in: 'cookie', name: access },
            bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
            client: {
              type: 'http',
              scheme: 'basic',
              description: 'Or in the form: RFC 6749 §2.3.1, RFC 7523 §2.2'
            }
          }
        }
      }
    })
    await fastify.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: POLICY,
      uiConfig: { deepLinking: true }
    })
  },
  { name: 'openapi', dependencies: ['config', 'session-cookies'] }
)
