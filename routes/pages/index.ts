import { readFile } from 'node:fs/promises'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

const files = [
  { url: '/setup', file: 'one-time.html', type: 'text/html; charset=utf-8' },
  { url: '/password/reset', file: 'one-time.html', type: 'text/html; charset=utf-8' },
  { url: '/pages/one-time.js', file: 'one-time.js', type: 'text/javascript; charset=utf-8' },
  { url: '/pages/one-time.css', file: 'one-time.css', type: 'text/css; charset=utf-8' }
]

/** Serves the form that a one-time link opens. Opening it does not use up the link, because mail scanners do so. */
const pages: FastifyPluginAsyncTypebox = async (fastify) => {
  for (const { url, file, type } of files) {
    const content = await readFile(new URL(file, import.meta.url), 'utf8')
    fastify.get(
      url,
      {
        config: { public: true },
        schema: { hide: true, response: { 200: Type.String() } }
      },
      async (_request, reply) => {
        reply.type(type).header('content-security-policy', POLICY)
        return content
      }
    )
  }
}

export default pages
