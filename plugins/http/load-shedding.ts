import { getHeapStatistics } from 'node:v8'
import underPressure from '@fastify/under-pressure'
import fp from 'fastify-plugin'
import { Problem } from '../../domain/errors.ts'

/** Of the memory that the process may have, the part from which on more work would end it. */
const MOST_MEMORY = 0.9
const RETRY_AFTER = 2

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set to `serveAnyway`: the route answers under whatever load. */
    pressureHandler?: () => void
  }
}

/** For routes that tell of the process itself: they answer while everything else is shed. */
export const serveAnyway = (): void => {}

/** Refuses at once, with 503 and Retry-After, what would only wait: while the event loop is late or memory runs out. */
export default fp(
  async (fastify) => {
    await fastify.register(underPressure, {
      maxEventLoopDelay: fastify.config.AUTH_MAX_EVENT_LOOP_DELAY,
      maxHeapUsedBytes: MOST_MEMORY * getHeapStatistics().heap_size_limit,
      maxRssBytes: MOST_MEMORY * memoryLimit(),
      pressureHandler: async (_request, _reply, type, value) => {
        fastify.instruments?.shed.inc({ pressure: type })
        const cause = new Error(`under pressure: ${type} ${Math.round(value ?? 0)}`)
        throw new Problem('busy', { retryAfter: RETRY_AFTER, cause })
      }
    })
  },
  // After CORS: or another origin's app would see a network error instead of the refusal.
  { name: 'load-shedding', dependencies: ['config', 'errors', 'instruments', 'cross-site'] }
)

// Of the container, where there is one; 0 is no limit.
function memoryLimit(): number {
  const limit = process.constrainedMemory()
  return limit < Number.MAX_SAFE_INTEGER ? limit : 0
}
