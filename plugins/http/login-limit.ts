import { normalizeIP } from '@fastify/rate-limit'
import type { FastifyRequest, onSendAsyncHookHandler, preValidationAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { MINUTE } from '../../domain/clock.ts'
import { createTurns, type EndTurn } from '../../domain/turns.ts'
import { tooMany } from './rate-limits.ts'
import { INSTANCES } from './request-counter.ts'
import type { CountedRequest } from './request-counts.ts'

/** Requests of one address that wait until earlier ones are decided. */
const WAITING = 100

/** A limit that all routes which check a password or a one-time token share. */
export interface LoginLimit {
  /** Counts a request, also if it succeeds. Throws a Problem `rate_limited`. */
  count(request: FastifyRequest): Promise<void>
  /** The hooks of a route that counts failures only. Each request counts until it has succeeded. */
  failures: { preValidation: preValidationAsyncHookHandler; onSend: onSendAsyncHookHandler }
}

declare module 'fastify' {
  interface FastifyInstance {
    loginLimit: LoginLimit
  }
}

/**
 * Decorates `loginLimit`: tries to sign in by address (IPv6: one /64). A try counts before its password is compared, and a
 * success takes out its own count alone. So neither parallel guesses nor sign-ins to another account allow more guesses.
 */
export default fp(
  async (fastify) => {
    const { AUTH_LOGIN_LIMIT_PER_IP: max } = fastify.config
    const counter = fastify.requestCounter('logins')
    // Undecided tries count. Few of them at once, on each of four instances, leave room for those who wait.
    const takeTurn = createTurns({ atOnce: Math.max(1, Math.floor(max / INSTANCES)), waiting: WAITING })
    const tries = new WeakMap<FastifyRequest, { end: EndTurn; counted?: CountedRequest }>()

    async function countOne({ ip }: FastifyRequest): Promise<CountedRequest> {
      const counted = await counter.count(normalizeIP(ip), MINUTE, max)
      if (counted.current > max) throw tooMany(counted.ttl)
      return counted
    }

    fastify.decorate('loginLimit', {
      async count(request) {
        if (max > 0) await countOne(request)
      },
      failures: {
        async preValidation(request, reply) {
          if (max === 0) return
          const end = await takeTurn(normalizeIP(request.ip))
          reply.raw.once('close', end)
          tries.set(request, { end })
          tries.set(request, { end, counted: await countOne(request) })
        },
        async onSend(request, reply) {
          const { end, counted } = tries.get(request) ?? {}
          if (reply.statusCode < 400) await counted?.giveBack()
          end?.()
        }
      }
    })
  },
  { name: 'login-limit', dependencies: ['config', 'rate-limits', 'forwarded-address'] }
)
