import type { Counter } from '@prometheus-io/client'
import type { onSendHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import type { AuditEvent } from '../../domain/model/audit.ts'
import type { Instruments } from './instruments.ts'
import { outcomeOf } from './outcome.ts'

/** Counts tries and their outcomes, from the replies of three routes and from committed audit events. */
export default fp(
  async (fastify) => {
    const { instruments, store } = fastify
    if (!instruments) return

    const counters = new Map([
      ['POST /auth/login', instruments.signIns],
      ['POST /auth/register', instruments.registrations],
      ['POST /oauth/token', instruments.clientTokens]
    ])
    fastify.addHook('onRoute', (route) => {
      const counter = counters.get(`${route.method} ${route.url}`)
      if (counter) route.onSend = [route.onSend ?? [], countOutcome(counter)].flat()
    })

    store.onCommit(({ audited }) => {
      for (const event of audited) countEvent(instruments, event)
    })
  },
  { name: 'event-counts', dependencies: ['instruments', 'errors', 'store'] }
)

// Counts before the reply is sent, so that a client that disconnects is counted, too.
function countOutcome(counter: Counter<'outcome'>): onSendHookHandler {
  return (_request, reply, payload, done) => {
    counter.inc({ outcome: outcomeOf(reply.statusCode, reply.problemCode) })
    done(null, payload)
  }
}

function countEvent({ audited, signOuts }: Instruments, { type, detail }: AuditEvent): void {
  audited.inc({ type })
  if (detail.reason === 'logout') signOuts.inc({ sessions: 'one' })
  if (detail.reason === 'logout_all') signOuts.inc({ sessions: 'all' })
}
