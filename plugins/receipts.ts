import type { preHandlerHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../domain/errors.ts'
import type { SessionBinding } from '../domain/sessions/binding.ts'
import { BoundedMap } from '../verifier/bounded-map.ts'

const KNOWN_RECEIPTS = 10_000
/** Milliseconds without a try after the database did not answer. */
const REST = 1000

declare module 'fastify' {
  interface FastifyInstance {
    /** A `preHandler` that notes which tokens a guarded request shows to have arrived. It refuses nothing. */
    noteReceipt: preHandlerHookHandler
  }
}

/**
 * Decorates `noteReceipt`. The first guarded request after a refresh shows that its answer has arrived: the refresh token
 * before it gets nothing any more. It is written once a generation, before the request is answered.
 */
export default fp(
  async (fastify) => {
    const { sessions, sessionCookies } = fastify
    const noted = new BoundedMap<string, number>(KNOWN_RECEIPTS)
    let restsUntil = 0

    async function note(binding: SessionBinding): Promise<void> {
      try {
        await sessions.confirm(binding)
        noted.set(binding.sessionId, binding.generation)
      } catch (error) {
        // What memory alone can answer is answered while the database is away; a later request notes it.
        if (!(error instanceof Problem)) throw error
        restsUntil = performance.now() + REST
      }
    }

    fastify.decorate('noteReceipt', ((request, _reply, done) => {
      const binding = sessionCookies.bindingOf(request)
      // The tokens of a sign-in replace none.
      if (!binding || binding.generation <= (noted.get(binding.sessionId) ?? 0)) return done()
      if (performance.now() < restsUntil) return done()
      note(binding).then(() => done(), done)
    }) satisfies preHandlerHookHandler)
  },
  { name: 'receipts', dependencies: ['sessions', 'session-cookies'] }
)
