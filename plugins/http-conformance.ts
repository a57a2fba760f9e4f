import type { IncomingMessage } from 'node:http'
import type { FastifyRequest, onSendHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../domain/errors.ts'

/** Fields that a request has once at most (RFC 9110 §5.3). Node keeps the first line of each and drops the others. */
const SINGLE = new Set(['host', 'authorization', 'content-type'])

/**
 * Refuses what Node lets pass: no `Host` or two of them (RFC 9112 §3.2), two credentials or media types, and a request that
 * a trusted proxy got by plain http although the issuer is https. Sends no length of a content that cannot be.
 */
export default fp(
  async (fastify) => {
    const { secure } = fastify.config
    fastify.addHook('onRequest', (request, _reply, done) => {
      const repeated = repeatedField(request.raw)
      if (repeated)
        return done(new Problem('invalid_request', { detail: `There are two lines ${repeated}.` }))
      if (request.headers.host === undefined && request.raw.httpVersion === '1.1')
        return done(new Problem('invalid_request', { detail: 'There is no line Host.' }))
      done(secure && cameByPlainHttp(request) ? new Problem('https_required') : undefined)
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

function repeatedField({ rawHeaders }: IncomingMessage): string | undefined {
  const seen = new Set<string>()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const raw = rawHeaders[index] as string
    // The lengths of the three names: most fields are told apart without making a new text.
    if (raw.length !== 4 && raw.length !== 12 && raw.length !== 13) continue
    const name = raw.toLowerCase()
    if (!SINGLE.has(name)) continue
    if (seen.has(name)) return raw
    seen.add(name)
  }
  return undefined
}

// Only a trusted proxy's word counts: of anybody else `ips` holds nothing but their own address.
function cameByPlainHttp(request: FastifyRequest): boolean {
  const { 'x-forwarded-proto': proto } = request.headers
  if (proto === undefined || proto === 'https') return false
  return request.protocol === 'http' && (request.ips?.length ?? 0) > 1
}
