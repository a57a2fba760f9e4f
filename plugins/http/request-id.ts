import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import { uuidv7 } from '../../domain/id.ts'
import { createRanges } from '../../domain/settings/forwarded-address.ts'

/** What identifies a request and is nothing else, wherever it is written. */
const WELL_FORMED = /^[\w-]{8,64}$/

/** The id that a trusted proxy gave the request in `X-Request-Id`, or else a new one. `trusted` are addresses and CIDR ranges. */
export function requestIdOf(trusted: string[]): (request: IncomingMessage) => string {
  const proxies = createRanges(trusted)
  return ({ headers, socket: { remoteAddress = '' } }) => {
    const given = headers['x-request-id']
    if (typeof given !== 'string' || !WELL_FORMED.test(given)) return uuidv7()
    return proxies.has(remoteAddress) ? given : uuidv7()
  }
}

/** Tells every caller the id of their request, by which the log has it. */
export default fp(
  async (fastify) => {
    fastify.addHook('onRequest', (request, reply, done) => {
      reply.header('x-request-id', request.id)
      done()
    })
  },
  { name: 'request-id' }
)
