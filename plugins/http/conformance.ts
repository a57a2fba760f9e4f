import type { IncomingMessage } from 'node:http'
import type { onSendHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../../domain/errors.ts'
import { type AddressRanges, createRanges } from '../../domain/settings/forwarded-address.ts'

/**
 * Fields that a request may have only once (RFC 9110 §5.3), by the length of their names. The length alone rules out most other
 * fields. Node keeps the first line of each and drops the rest.
 */
const SINGLE: Record<number, string> = { 4: 'host', 12: 'content-type', 13: 'authorization' }

/**
 * Refuses what Node accepts: a missing or second `Host` (RFC 9112 §3.2), and two credentials or media types. Refuses a request
 * that a trusted proxy received by plain http if the issuer is https. Sends no content length with a reply without content.
 */
export default fp(
  async (fastify) => {
    const { secure, AUTH_TRUST_PROXY } = fastify.config
    const proxies = createRanges(AUTH_TRUST_PROXY)
    fastify.addHook('onRequest', (request, reply, done) => {
      const detail = faultIn(request.raw)
      if (detail) {
        // The sender and Gatehouse may parse this connection differently (request smuggling): close it.
        reply.header('connection', 'close')
        return done(new Problem('invalid_request', { detail }))
      }
      done(secure && cameByPlainHttp(request.raw, proxies) ? new Problem('https_required') : undefined)
    })

    // The last hook of a route: it runs after Fastify's hook that sets the length for HEAD.
    fastify.addHook('onRoute', (route) => {
      const statuses = Object.keys(route.schema?.response ?? {})
      if (statuses.includes('304') || (route.method === 'HEAD' && statuses.includes('204')))
        route.onSend = [...[route.onSend ?? []].flat(), sendNoContent]
    })
  },
  { name: 'http-conformance', dependencies: ['config', 'errors'] }
)

/** Removes the content length of a 204 or 304 (RFC 9110 §8.6). `null` would be counted as four bytes. */
const sendNoContent: onSendHookHandler = (_request, reply, payload, done) => {
  if (reply.statusCode !== 204 && reply.statusCode !== 304) return done(null, payload)
  reply.removeHeader('content-length')
  done(null, null)
}

function faultIn({ rawHeaders, headers, httpVersion }: IncomingMessage): string | undefined {
  let seen = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string
    const single = SINGLE[name.length]
    if (single === undefined || name.toLowerCase() !== single) continue
    const bit = 1 << name.length
    if (seen & bit) return `There are two lines ${name}.`
    seen |= bit
  }
  return headers.host === undefined && httpVersion === '1.1' ? 'There is no line Host.' : undefined
}

// Only a trusted proxy's header counts. Of several values the last counts: the proxy that connected wrote it.
function cameByPlainHttp({ headers, socket }: IncomingMessage, proxies: AddressRanges): boolean {
  const proto = headers['x-forwarded-proto'] as string | undefined
  if (proto === undefined || proto === 'https') return false
  return /(^|,)[ \t]*http[ \t]*$/i.test(proto) && proxies.has(socket.remoteAddress ?? '')
}
