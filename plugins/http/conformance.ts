import type { IncomingMessage } from 'node:http'
import type { onSendHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../../domain/errors.ts'
import { type AddressRanges, createRanges } from '../../domain/settings/forwarded-address.ts'

/**
 * Fields that a request has once at most (RFC 9110 §5.3), by the length of their names: most others are told apart by that
 * alone. Node keeps the first line of each and drops the rest.
 */
const SINGLE: Record<number, string> = { 4: 'host', 12: 'content-type', 13: 'authorization' }

/**
 * Refuses what Node lets pass: no `Host` or two of them (RFC 9112 §3.2), two credentials or media types, and a request that
 * a trusted proxy got by plain http although the issuer is https. Sends no length of a content that cannot be.
 */
export default fp(
  async (fastify) => {
    const { secure, AUTH_TRUST_PROXY } = fastify.config
    const proxies = createRanges(AUTH_TRUST_PROXY)
    fastify.addHook('onRequest', (request, reply, done) => {
      const detail = faultIn(request.raw)
      if (detail) {
        // Who sends this reads requests otherwise than Gatehouse does: nothing more is taken from that connection.
        reply.header('connection', 'close')
        return done(new Problem('invalid_request', { detail }))
      }
      done(secure && cameByPlainHttp(request.raw, proxies) ? new Problem('https_required') : undefined)
    })

    // Last of a route's hooks, after that of Fastify which sets the length for HEAD.
    fastify.addHook('onRoute', (route) => {
      const statuses = Object.keys(route.schema?.response ?? {})
      if (statuses.includes('304') || (route.method === 'HEAD' && statuses.includes('204')))
        route.onSend = [...[route.onSend ?? []].flat(), sendNoContent]
    })
  },
  { name: 'http-conformance', dependencies: ['config', 'errors'] }
)

/** A 204 and a 304 have no content, and no length but that of the 200 (RFC 9110 §8.6): `null` would be told as four bytes. */
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

// Only a trusted proxy's word counts, and of several proxies' words the last, which is that of the one that asks.
function cameByPlainHttp({ headers, socket }: IncomingMessage, proxies: AddressRanges): boolean {
  const proto = headers['x-forwarded-proto'] as string | undefined
  if (proto === undefined || proto === 'https') return false
  return /(^|,)[ \t]*http[ \t]*$/i.test(proto) && proxies.has(socket.remoteAddress ?? '')
}
