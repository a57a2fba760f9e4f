import type { Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** How long load balancers are given to see that no more should come, in milliseconds. */
const NOTICE = 3000
/** How long a connection may still take to ask something for the first time once the close has begun, in milliseconds. */
const SILENCE = { drained: 3000, otherwise: 1000 }

/** The port closes after so many turns of the event loop without a new connection, or after this many milliseconds. */
const QUIET_TURNS = 3
const LONGEST_WAIT = 1000

export interface Draining {
  /** Whether it has begun: `/readyz` says so. */
  hasBegun(): boolean
  /** Resolves once balancers had their time. Until then everything is served, and each reply ends its connection. */
  begin(): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    draining: Draining
  }
}

/**
 * Decorates `draining`: what makes a restart lose no request. Balancers are told first, a kept connection ends with a
 * reply that says so, and a close waits for what is in flight alone.
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

    // Node takes a connection that never asked anything whole for a busy one: it would hold up the close for a minute.
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

/** Accepts the connections that wait at the port before it closes: the system would reset them. */
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
