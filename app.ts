import Fastify, { type FastifyInstance } from 'fastify'
import type { Clock } from './domain/clock.ts'
import type { Config } from './domain/settings/config.ts'
import accessTokens from './plugins/access-tokens.ts'
import accounts from './plugins/accounts.ts'
import administration from './plugins/administration.ts'
import audit from './plugins/audit.ts'
import auditRetention from './plugins/audit-retention.ts'
import clientGuard from './plugins/client-guard.ts'
import clients from './plugins/clients.ts'
import config from './plugins/config.ts'
import derivedKeys from './plugins/derived-keys.ts'
import guard from './plugins/guard.ts'
import httpConformance from './plugins/http/conformance.ts'
import crossSite from './plugins/http/cross-site.ts'
import deviceCookie from './plugins/http/device-cookie.ts'
import draining, { emptyBacklog } from './plugins/http/draining.ts'
import errors, { refuseConnection, refuseExpectation, sendProblem, toProblem } from './plugins/http/errors.ts'
import forwardedAddress from './plugins/http/forwarded-address.ts'
import jsonBodies from './plugins/http/json-bodies.ts'
import loadShedding from './plugins/http/load-shedding.ts'
import { CompletionLog, loggerOptions } from './plugins/http/logging.ts'
import notFound from './plugins/http/not-found.ts'
import openapi from './plugins/http/openapi.ts'
import rateLimits from './plugins/http/rate-limits.ts'
import readiness from './plugins/http/readiness.ts'
import requestCaller from './plugins/http/request-caller.ts'
import requestId, { requestIdOf } from './plugins/http/request-id.ts'
import securityHeadersPlugin, { securityHeaders } from './plugins/http/security-headers.ts'
import { compileSerializer } from './plugins/http/serialization.ts'
import sessionCookies from './plugins/http/session-cookies.ts'
import { compileValidator } from './plugins/http/validation.ts'
import loginThrottle from './plugins/login-throttle.ts'
import eventCounts from './plugins/metrics/event-counts.ts'
import gauges from './plugins/metrics/gauges.ts'
import httpMetrics from './plugins/metrics/http-metrics.ts'
import instruments from './plugins/metrics/instruments.ts'
import metricsListener from './plugins/metrics/metrics-listener.ts'
import oneTimeLinks from './plugins/one-time-links.ts'
import passwords from './plugins/passwords.ts'
import profiles from './plugins/profiles.ts'
import receipts from './plugins/receipts.ts'
import revocations from './plugins/revocations.ts'
import sessions from './plugins/sessions.ts'
import signingKeys from './plugins/signing-keys.ts'
import store from './plugins/store.ts'
import valkey from './plugins/valkey.ts'
import routes from './routes/index.ts'

/** What tests replace. Everything else is as in production. */
export interface Overrides {
  clock?: Clock
  /** Milliseconds on a clock that nobody sets, for how long ago revocations were read. */
  uptime?: () => number
  /** The memory of one password's hash, below what the settings allow: a suite makes thousands. */
  hashMemoryKib?: number | undefined
  /** Where the log goes, or `false` for nowhere. */
  log?: NodeJS.WritableStream | false
}

const BODY_LIMIT = 32 * 1024
/** Milliseconds for a request to arrive whole. */
const LONGEST_ARRIVAL = 10_000

/** The whole service, ready to listen or to be injected into: plugins, then routes, in reading order. */
export async function buildApp(settings: Config, overrides: Overrides = {}): Promise<FastifyInstance> {
  const { clock = Date.now, uptime = () => performance.now(), hashMemoryKib, log } = overrides
  const bareHeaders = securityHeaders(settings)
  const app = Fastify({
    logger: log !== false && { ...loggerOptions(settings), ...(log && { stream: log }) },
    bodyLimit: BODY_LIMIT,
    // Whoever starts beside another's migration waits for as long as that takes.
    pluginTimeout: 0,
    requestTimeout: LONGEST_ARRIVAL,
    // Node makes its own limits from these when the server is made, and looks for who exceeds them so often.
    // A missing Host is refused by us, with a body and the headers.
    http: { requestTimeout: LONGEST_ARRIVAL, connectionsCheckingInterval: 1000, requireHostHeader: false },
    connectionTimeout: 60_000,
    keepAliveTimeout: 72_000,
    forceCloseConnections: 'idle',
    genReqId: requestIdOf(settings.AUTH_TRUST_PROXY),
    return503OnClosing: false,
    logController: new CompletionLog({ requestIdLogLabel: 'requestId' }),
    frameworkErrors: (error, request, reply) =>
      sendProblem(toProblem(error), request, reply.headers({ ...bareHeaders, 'x-request-id': request.id })),
    clientErrorHandler: (error, socket) => refuseConnection(error, socket, bareHeaders)
  })
  app.setValidatorCompiler(compileValidator)
  app.setSerializerCompiler(compileSerializer)
  app.server.on('checkExpectation', (_request, response) => refuseExpectation(response, bareHeaders))

  try {
    await app.register(config, { config: settings, clock })
    await app.register(forwardedAddress)
    await app.register(instruments)
    await app.register(httpMetrics)
    await app.register(errors)
    await app.register(requestId)
    await app.register(jsonBodies)
    await app.register(securityHeadersPlugin)
    await app.register(httpConformance)
    await app.register(draining)
    await app.register(valkey)
    await app.register(rateLimits)

    await app.register(store)
    await app.register(derivedKeys)
    await app.register(audit)
    await app.register(auditRetention)
    await app.register(eventCounts)
    await app.register(revocations, { uptime })
    await app.register(sessionCookies)
    await app.register(signingKeys, { uptime })
    await app.register(accessTokens)
    await app.register(crossSite)
    await app.register(loadShedding)
    await app.register(notFound)
    await app.register(guard)
    await app.register(requestCaller)
    await app.register(profiles)

    await app.register(passwords, { hashMemoryKib })
    await app.register(deviceCookie)
    await app.register(loginThrottle)
    await app.register(sessions)
    await app.register(receipts)
    await app.register(accounts)
    await app.register(oneTimeLinks)
    await app.register(administration)
    await app.register(clients, { uptime })
    await app.register(clientGuard)
    await app.register(gauges)
    await app.register(metricsListener)
    await app.register(readiness, { uptime })

    await app.register(openapi)
    await app.register(routes)
    // The last of its kind: the port closes right after it.
    app.addHook('preClose', emptyBacklog)
  } catch (error) {
    await app.close()
    throw error
  }
  return app
}
