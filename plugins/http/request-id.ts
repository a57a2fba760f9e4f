import type { IncomingMessage } from 'node:http'
import fp from 'fastify-plugin'
import { uuidv7 } from '../../domain/id.ts'
import { createRanges } from '../../domain/settings/forwarded-address.ts'

/** The form of an accepted request id: harmless in a header, a log and the database. */
const WELL_FORMED = /^[\w-]{8,64}$/

/** Makes a function that returns a trusted proxy's `X-Request-Id`, or a new id. `trusted` are addresses and CIDR ranges. */
export function requestIdOf(trusted: string[]): (request: IncomingMessage) => string {
  const proxies = createRanges(trusted)
  return ({ headers, socket: { remoteAddress = '' } }) => {
    const given = headers['x-request-id']
    if (typeof given !== 'string' || !WELL_FORMED.test(given)) return uuidv7()
    return proxies.has(remoteAddress) ? given : uuidv7()
  }
}

/** Sends each caller the id of their request, which the log contains, too. */
export default fp(
  async (fastify) => {
    fastify.addHook('onRequest', (request, reply, done) => {
      reply.header('x-request-id', request.id)
      done()
    })
  },
  { name: 'request-id' }
)
