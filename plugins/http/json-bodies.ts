import fp from 'fastify-plugin'

/** JSON is the only body there is. An empty one is none: clients that always name the type may refresh and log out, too. */
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
