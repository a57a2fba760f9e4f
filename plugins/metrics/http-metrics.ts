import client from '@prometheus-io/client'
import fastifyMetrics from 'fastify-metrics'
import fp from 'fastify-plugin'

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/**
 * Measures how long requests take, by route pattern, and the process as Node.js reports it. Registered before all other
 * hooks, so that refused requests are measured. No label has a value that a caller chooses.
 */
export default fp(
  async (fastify) => {
    if (!fastify.instruments) return
    const { registry } = fastify.instruments
    await fastify.register(fastifyMetrics.default, {
      // By default, the library would load another Prometheus client.
      promClient: client,
      endpoint: null,
      defaultMetrics: { enabled: true, register: registry },
      routeMetrics: {
        enabled: { histogram: true, summary: false },
        registeredRoutesOnly: false,
        invalidRouteGroup: '(none)',
        methodBlacklist: [],
        // Replaces the library's label: a caller can invent HTTP methods.
        customLabels: { method: ({ method }) => (METHODS.has(method) ? method : '(other)') },
        overrides: {
          labels: { status: 'status' },
          histogram: {
            name: 'gatehouse_http_request_duration_seconds',
            help: 'How long requests took, from their headers to the end of the reply.',
            buckets: BUCKETS,
            registers: [registry]
          },
          // The library makes the summary although it is disabled: register it nowhere.
          summary: { registers: [] }
        }
      }
    })
  },
  { name: 'http-metrics', dependencies: ['instruments'] }
)
