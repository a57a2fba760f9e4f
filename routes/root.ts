import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Page, WhereToGo } from '../schemas/root.ts'

const POLICY =
  "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

/** GET /: shows where to go from here, as a page for browsers and as JSON for others. */
const root: FastifyPluginAsyncTypebox = async (fastify) => {
  const { AUTH_ISSUER: issuer, AUTH_DOCS } = fastify.config
  const links = {
    metadata: `${issuer}/.well-known/oauth-authorization-server`,
    jwks: `${issuer}/.well-known/jwks.json`,
    ...(AUTH_DOCS === 'on' && { docs: `${issuer}/docs`, openapi: `${issuer}/docs/json` })
  }
  const page = pageOf(links)

  fastify.get(
    '/',
    {
      config: { public: true },
      schema: {
        operationId: 'getRoot',
        summary: 'Says where to go from here: a page for browsers, JSON for others',
        tags: ['health'],
        response: {
          200: {
            content: {
              'application/json': { schema: WhereToGo },
              'text/html': { schema: Page }
            }
          }
        },
        problems: []
      }
    },
    async (request, reply) => {
      reply.header('vary', 'accept')
      if (!request.headers.accept?.includes('text/html'))
        return { name: 'Gatehouse' as const, issuer, ...links }
      reply.type('text/html; charset=utf-8').header('content-security-policy', POLICY)
      return page
    }
  )
}

const TITLES: Record<string, string> = {
  docs: 'API reference',
  openapi: 'OpenAPI document',
  metadata: 'OAuth 2.0 metadata',
  jwks: 'Public keys'
}

function pageOf(links: Record<string, string>): string {
  const items = Object.entries(TITLES).flatMap(([name, title]) =>
    links[name] ? [`<li><a href="${links[name]}">${title}</a></li>`] : []
  )
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gatehouse</title>
<link rel="stylesheet" href="/auth/pages/one-time.css">
</head>
<body>
<main>
<h1>Gatehouse</h1>
<p>This is the authentication service. It works.</p>
<ul>
${items.join('\n')}
</ul>
</main>
</body>
</html>
`
}

export default root
