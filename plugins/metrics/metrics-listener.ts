import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../../domain/errors.ts'
import { uuidv7 } from '../../domain/id.ts'
import { metricsExposure } from '../../domain/settings/metrics-exposure.ts'
import errors, { sendProblem } from '../http/errors.ts'
import { CompletionLog } from '../http/logging.ts'
import { securityHeaders } from '../http/security-headers.ts'
import type { Instruments } from './instruments.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Opens the metrics port on the service's address; undefined if `AUTH_METRICS` names no port. Closes with the app. */
    metricsListener: { open(): Promise<void> } | undefined
  }
}

/** Decorates `metricsListener`: a separate port that serves `GET /metrics` only. */
export default fp(
  async (fastify) => {
    const { config, instruments } = fastify
    const exposure = metricsExposure(config.AUTH_METRICS)
    if (exposure.by !== 'port' || !instruments) {
      fastify.decorate('metricsListener', undefined)
      return
    }
    // A scrape writes no log line.
    const log = fastify.log.child({}, { level: atLeastWarn(config.LOG_LEVEL) })
    const { requestTimeout } = fastify.server
    const listener = await createListener(instruments, {
      log,
      requestTimeout,
      headers: securityHeaders(config)
    })
    fastify.decorate('metricsListener', {
      async open() {
        await listener.listen({ host: config.HOST, port: exposure.port }).catch(nameSetting)
      }
    })
    fastify.addHook('onClose', () => listener.close())
  },
  { name: 'metrics-listener', dependencies: ['config', 'instruments'] }
)

function atLeastWarn(level: string): string {
  return ['error', 'fatal', 'silent'].includes(level) ? level : 'warn'
}

interface ListenerOptions {
  log: FastifyBaseLogger
  requestTimeout: number
  headers: Record<string, string>
}

async function createListener({ registry }: Instruments, options: ListenerOptions) {
  const { log, requestTimeout, headers } = options
  const listener: FastifyInstance = Fastify({
    loggerInstance: log,
    logController: new CompletionLog({ requestIdLogLabel: 'requestId' }),
    genReqId: uuidv7,
    forceCloseConnections: true,
    requestTimeout,
    http: { requestTimeout, connectionsCheckingInterval: 1000 }
  })
  await listener.register(errors)
  listener.addHook('onRequest', async (_request, reply) => {
    reply.headers(headers)
  })
  listener.setNotFoundHandler((request, reply) => sendProblem(new Problem('not_found'), request, reply))
  listener.get('/metrics', async (_request, reply) => {
    reply.type(registry.contentType)
    return registry.metrics()
  })
  return listener
}

function nameSetting(error: NodeJS.ErrnoException & { port?: number }): never {
  if (error.code !== 'EADDRINUSE') throw error
  const message = `AUTH_METRICS ${error.port} is in use by another program`
  throw Object.assign(new Error(message, { cause: error }), { code: 'METRICS_PORT_IN_USE' })
}
