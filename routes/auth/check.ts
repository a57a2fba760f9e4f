import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { preHandlerAsyncHookHandler } from 'fastify'
import type { Static } from 'typebox'
import type { Config } from '../../domain/settings/config.ts'
import { createRanges } from '../../domain/settings/forwarded-address.ts'
import { Check } from '../../schemas/check.ts'
import { NoContent } from '../../schemas/common.ts'
import { assertAllowed, authOf } from '../../verifier/authorization.ts'
import { noRemoteHeaders, remoteHeaders } from '../views/remote-headers.ts'

/** GET /auth/check: tells a reverse proxy whether to pass a request on, and which user makes it. */
const check: FastifyPluginAsyncTypebox = async (fastify) => {
  const forwardUnverified = fastify.config.AUTH_FORWARD_UNVERIFIED_EMAIL === 'on'

  fastify.get(
    '/check',
    {
      // A proxy asks this for every request of its site, and the check is a look-up in memory.
      config: { rateLimit: false },
      preHandler: [passPreflight(fastify.config), fastify.tokenGuard('shared')],
      schema: {
        operationId: 'checkAccess',
        summary: 'Checks a request for a reverse proxy',
        tags: ['auth'],
        querystring: Check,
        response: { 204: NoContent },
        problems: ['forbidden']
      }
    },
    async (request, reply) => {
      const { role, scope } = request.query
      const auth = authOf(request)
      assertAllowed(auth, { roles: role?.split(' '), scope }, fastify.clock())
      reply.headers(remoteHeaders(auth, await fastify.accounts.profileOf(auth), forwardUnverified))
      reply.code(204)
      return null
    }
  )
}

/**
 * Lets a CORS preflight pass, so that the app answers it. A preflight has no credentials (Fetch §3.2.2), and changes nothing.
 * The proxy must be a trusted one and ask for this: another might pass on what its client calls the method.
 */
function passPreflight({ AUTH_TRUST_PROXY }: Config): preHandlerAsyncHookHandler {
  const proxies = createRanges(AUTH_TRUST_PROXY)
  return async (request, reply) => {
    const { preflight } = request.query as Static<typeof Check>
    if (preflight === undefined || request.validationError || !isPreflight(request.headers)) return
    if (proxies.has(request.socket.remoteAddress ?? ''))
      return reply.headers(noRemoteHeaders).code(204).send()
  }
}

function isPreflight(headers: IncomingHttpHeaders): boolean {
  if (headers['x-forwarded-method'] !== 'OPTIONS') return false
  return Boolean(headers.origin && headers['access-control-request-method'])
}

export default check
