import client from '@prometheus-io/client'
import fastifyMetrics from 'fastify-metrics'
import fp from 'fastify-plugin'

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/**
 * How long requests take, by route pattern, and what Node.js tells of the process. First of all that have hooks: what others
 * refuse is measured, too. No label has a value that a caller chooses.
 */
export default fp(
  async (fastify) => {
    if (!fastify.instruments) return
    const { registry } = fastify.instruments
    await fastify.register(fastifyMetrics.default, {
      // Named, or the library would look for another client than ours.
      promClient: client,
      endpoint: null,
      defaultMetrics: { enabled: true, register: registry },
      routeMetrics: {
        enabled: { histogram: true, summary: false },
        registeredRoutesOnly: false,
        invalidRouteGroup: '(none)',
        methodBlacklist: [],
        // Takes the place of the library's own: HTTP has methods that nobody has heard of.
        customLabels: { method: ({ method }) => (METHODS.has(method) ? method : '(other)') },
        overrides: {
          labels: { status: 'status' },
          histogram: {
            name: 'gatehouse_http_request_duration_seconds',
            help: 'How long requests took, from their headers to the end of the reply.',
            buckets: BUCKETS,
            registers: [registry]
          },
          // It is made although it is not used: nobody is to see it.
          summary: { registers: [] }
        }
      }
    })
  },
  { name: 'http-metrics', dependencies: ['instruments'] }
)
