import type { FastifyInstance } from 'fastify'
import { buildCore, type CoreOverrides, closedIfFailed } from './core.ts'
import type { Config } from './domain/settings/config.ts'
import accessTokens from './plugins/access-tokens.ts'
import clientGuard from './plugins/client-guard.ts'
import guard from './plugins/guard.ts'
import browserSession from './plugins/http/browser-session.ts'
import httpConformance from './plugins/http/conformance.ts'
import crossSite from './plugins/http/cross-site.ts'
import deviceCookie from './plugins/http/device-cookie.ts'
import draining, { acceptWaiting } from './plugins/http/draining.ts'
import errors, { refuseConnection, refuseExpectation, sendProblem, toProblem } from './plugins/http/errors.ts'
import forwardedAddress from './plugins/http/forwarded-address.ts'
import jsonBodies from './plugins/http/json-bodies.ts'
import loadShedding from './plugins/http/load-shedding.ts'
import { CompletionLog, loggerOptions, terminalStream } from './plugins/http/logging.ts'
import loginLimit from './plugins/http/login-limit.ts'
import notFound from './plugins/http/not-found.ts'
import rateLimits from './plugins/http/rate-limits.ts'
import readiness from './plugins/http/readiness.ts'
import recoveryCookie from './plugins/http/recovery-cookie.ts'
import requestCaller from './plugins/http/request-caller.ts'
import requestId, { requestIdOf } from './plugins/http/request-id.ts'
import securityHeadersPlugin, { securityHeaders } from './plugins/http/security-headers.ts'
import { compileSerializer } from './plugins/http/serialization.ts'
import sessionCookies from './plugins/http/session-cookies.ts'
import { compileValidator } from './plugins/http/validation.ts'
import mailDelivery from './plugins/mail/delivery.ts'
import type { MailTransport } from './plugins/mail/transport.ts'
import eventCounts from './plugins/metrics/event-counts.ts'
import gauges from './plugins/metrics/gauges.ts'
import httpMetrics from './plugins/metrics/http-metrics.ts'
import metricsListener from './plugins/metrics/metrics-listener.ts'
import openapi from './plugins/openapi/openapi.ts'
import receipts from './plugins/receipts.ts'
import routes from './routes/index.ts'

/** Parts that tests replace. All else is as in production. */
export interface Overrides extends CoreOverrides {
  /** The stream for the log, or `false` for no log. */
  log?: NodeJS.WritableStream | false
  /** Where mail goes. */
  mailTransport?: MailTransport
}

const BODY_LIMIT = 32 * 1024
/** Milliseconds within which a request must arrive completely. */
const LONGEST_ARRIVAL = 10_000

/** Builds the whole service, for `listen` or `inject`: the core, then HTTP, then routes. */
export async function buildApp(settings: Config, overrides: Overrides = {}): Promise<FastifyInstance> {
  const bareHeaders = securityHeaders(settings)
  const { log = terminalStream(), mailTransport, ...ofCore } = overrides
  const app = await buildCore(settings, ofCore, {
    logger: log !== false && { ...loggerOptions(settings), ...(log && { stream: log }) },
    bodyLimit: BODY_LIMIT,
    requestTimeout: LONGEST_ARRIVAL,
    // Node reads these when it creates the server; every interval (milliseconds), it checks connections against them.
    // Gatehouse refuses a missing Host itself, with a body and the security headers.
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

  return closedIfFailed(app, async () => {
    await app.register(forwardedAddress)
    await app.register(httpMetrics)
    await app.register(errors)
    await app.register(requestId)
    await app.register(jsonBodies)
    await app.register(securityHeadersPlugin)
    await app.register(httpConformance)
    await app.register(draining)
    await app.register(rateLimits)
    await app.register(loginLimit)

    await app.register(eventCounts)
    await app.register(sessionCookies)
    await app.register(accessTokens)
    await app.register(crossSite)
    await app.register(loadShedding)
    await app.register(notFound)
    await app.register(guard)
    await app.register(requestCaller)
    await app.register(browserSession)
    await app.register(deviceCookie)
    await app.register(recoveryCookie)
    await app.register(receipts)
    await app.register(clientGuard)
    await app.register(mailDelivery, { transport: mailTransport })
    await app.register(gauges)
    await app.register(metricsListener)
    await app.register(readiness)

    await app.register(openapi)
    await app.register(routes)
    // The last `preClose` hook: the port closes right after it.
    app.addHook('preClose', acceptWaiting)
  })
}
