import type { Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** Milliseconds that load balancers have to notice that this instance is draining. */
const NOTICE = 3000
/** Milliseconds that a connection has for its first request after the close has begun. */
const SILENCE = { drained: 3000, otherwise: 1000 }

/** The port closes after this many turns of the event loop without a new connection, or after this many milliseconds. */
const QUIET_TURNS = 3
const LONGEST_WAIT = 1000

export interface Draining {
  /** Tells whether draining has begun. `/readyz` reports it. */
  hasBegun(): boolean
  /** Resolves after the load balancers' time. Until then, all requests are served, and each reply ends its connection. */
  begin(): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    draining: Draining
  }
}

/**
 * Decorates `draining`, so that a restart loses no request. Load balancers learn of it first. A kept-alive connection ends with
 * a reply that says `Connection: close`. The close waits only for requests in flight.
 */
export default fp(
  async (fastify) => {
    let hasBegun = false
    fastify.decorate('draining', {
      hasBegun: () => hasBegun,
      async begin() {
        hasBegun = true
        await pause(NOTICE)
      }
    })

    fastify.addHook('onRequest', (_request, reply, done) => {
      if (hasBegun) reply.header('connection', 'close')
      done()
    })

    // Node treats a connection without a complete request as busy: it would delay the close by a minute.
    const silent = new Set<Socket>()
    fastify.server.on('connection', (socket) => {
      silent.add(socket)
      socket.once('close', () => silent.delete(socket))
    })
    fastify.server.on('request', ({ socket }) => silent.delete(socket))
    fastify.addHook('preClose', async () => {
      setTimeout(
        () => {
          for (const socket of silent) socket.destroy()
        },
        hasBegun ? SILENCE.drained : SILENCE.otherwise
      ).unref()
    })
  },
  { name: 'draining' }
)

/** Accepts the connections that wait at the port before it closes: the operating system would reset them. */
export async function acceptWaiting(this: FastifyInstance): Promise<void> {
  const { server } = this
  let quiet = 0
  const disturb = () => {
    quiet = 0
  }
  server.on('connection', disturb)
  for (const from = performance.now(); quiet < QUIET_TURNS && performance.now() - from < LONGEST_WAIT; ) {
    quiet += 1
    await nextTurn()
  }
  server.off('connection', disturb)
}
