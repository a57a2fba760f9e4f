import fp from 'fastify-plugin'

/** Accepts JSON bodies only. An empty body counts as none: some clients send the content type with every request. */
export default fp(
  async (fastify) => {
    const parse = fastify.getDefaultJsonParser('error', 'error')
    fastify.removeAllContentTypeParsers()
    fastify.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
      if (body === '') done(null, undefined)
      else parse(request, body as string, done)
    })
  },
  { name: 'json-bodies' }
)
