import fp from 'fastify-plugin'
import { Problem } from '../../domain/errors.ts'

/**
 * Accepts JSON bodies only. An empty body counts as none, whatever the headers say (RFC 9110 §6.4): some clients send a content
 * type with every request, and an HTTP/2 proxy sends an empty chunked body if the client ends its stream in a separate frame.
 */
export default fp(
  async (fastify) => {
    const parse = fastify.getDefaultJsonParser('error', 'error')
    fastify.removeAllContentTypeParsers()
    fastify.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
      if (body === '') done(null, undefined)
      else parse(request, body as string, done)
    })
    fastify.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
      done(body === '' ? null : new Problem('unsupported_media_type'))
    })
  },
  { name: 'json-bodies' }
)
