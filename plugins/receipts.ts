import type { preHandlerHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../domain/errors.ts'
import type { SessionBinding } from '../domain/sessions/binding.ts'
import { BoundedMap } from '../verifier/bounded-map.ts'

const KNOWN_RECEIPTS = 10_000
/** Milliseconds until the next try after the database did not answer. */
const REST = 1000

declare module 'fastify' {
  interface FastifyInstance {
    /** A `preHandler` that notes that the browser has received its newest tokens. It refuses nothing. */
    noteReceipt: preHandlerHookHandler
  }
}

/**
 * Decorates `noteReceipt`. The first guarded request after a refresh proves that the browser received the reply. From then on,
 * the previous refresh token gets no new tokens. The note is written once per generation, before the request is answered.
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
        // Requests that memory can answer are served while the database is away; a later request notes the receipt.
        if (!(error instanceof Problem)) throw error
        restsUntil = performance.now() + REST
      }
    }

    fastify.decorate('noteReceipt', ((request, _reply, done) => {
      const binding = sessionCookies.bindingOf(request)
      // The tokens of a sign-in replace no others.
      if (!binding || binding.generation <= (noted.get(binding.sessionId) ?? 0)) return done()
      if (performance.now() < restsUntil) return done()
      note(binding).then(() => done(), done)
    }) satisfies preHandlerHookHandler)
  },
  { name: 'receipts', dependencies: ['sessions', 'session-cookies'] }
)
