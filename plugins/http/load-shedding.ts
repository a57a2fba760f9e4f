import { getHeapStatistics } from 'node:v8'
import underPressure from '@fastify/under-pressure'
import fp from 'fastify-plugin'
import { Problem } from '../../domain/errors.ts'

/** The share of the process's memory limit above which more work could exhaust it. */
const MOST_MEMORY = 0.9
const RETRY_AFTER = 2

declare module 'fastify' {
  interface FastifyContextConfig {
    /** If set to `serveAnyway`, the route answers under any load. */
    pressureHandler?: () => void
  }
}

/** Exempts a route from load shedding. For routes that report on the process itself. */
export const serveAnyway = (): void => {}

/** Refuses requests with 503 and Retry-After while the event loop is late or memory runs out. They would only wait. */
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
  // After CORS: otherwise an app of another origin would see a network error instead of the refusal.
  { name: 'load-shedding', dependencies: ['config', 'errors', 'instruments', 'cross-site'] }
)

// The container's limit in bytes, if there is one; 0 is no limit.
function memoryLimit(): number {
  const limit = process.constrainedMemory()
  return limit < Number.MAX_SAFE_INTEGER ? limit : 0
}
