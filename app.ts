import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
  LogController
} from 'fastify'
import type { Clock } from './domain/clock.ts'
import type { Config } from './domain/config.ts'
import { uuidv7 } from './domain/id.ts'
import accessTokens from './plugins/access-tokens.ts'
import accounts from './plugins/accounts.ts'
import administration from './plugins/administration.ts'
import audit from './plugins/audit.ts'
import clientGuard from './plugins/client-guard.ts'
import clients from './plugins/clients.ts'
import config from './plugins/config.ts'
import crossSite from './plugins/cross-site.ts'
import errors, { refuseConnection, sendProblem, toProblem } from './plugins/errors.ts'
import guard from './plugins/guard.ts'
import jsonBodies from './plugins/json-bodies.ts'
import notFound from './plugins/not-found.ts'
import oneTimeLinks from './plugins/one-time-links.ts'
import openapi from './plugins/openapi.ts'
import passwords from './plugins/passwords.ts'
import profiles from './plugins/profiles.ts'
import rateLimits from './plugins/rate-limits.ts'
import requestCaller from './plugins/request-caller.ts'
import revocations from './plugins/revocations.ts'
import securityHeadersPlugin, { securityHeaders } from './plugins/security-headers.ts'
import sessionCookies from './plugins/session-cookies.ts'
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
  logger?: FastifyServerOptions['logger']
}

const BODY_LIMIT = 32 * 1024

/** The whole service, ready to listen or to be injected into: plugins, then routes, in reading order. */
export async function buildApp(settings: Config, overrides: Overrides = {}): Promise<FastifyInstance> {
  const { clock = Date.now, uptime = () => performance.now(), logger = loggerOptions(settings) } = overrides
  const bareHeaders = securityHeaders(settings)
  const app = Fastify({
    logger,
    bodyLimit: BODY_LIMIT,
    requestTimeout: 10_000,
    connectionTimeout: 60_000,
    keepAliveTimeout: 72_000,
    forceCloseConnections: 'idle',
    trustProxy: settings.AUTH_TRUST_PROXY.length > 0 ? settings.AUTH_TRUST_PROXY : false,
    genReqId: uuidv7,
    logController: new CompletionLog({ requestIdLogLabel: 'requestId' }),
    frameworkErrors: (error, request, reply) =>
      sendProblem(toProblem(error), request, reply.headers(bareHeaders)),
    clientErrorHandler: (error, socket) => refuseConnection(error, socket, bareHeaders)
  })
  app.setValidatorCompiler(TypeBoxValidatorCompiler)

  try {
    await app.register(config, { config: settings, clock })
    await app.register(errors)
    await app.register(jsonBodies)
    await app.register(securityHeadersPlugin)
    await app.register(valkey)
    await app.register(rateLimits)
    await app.register(notFound)

    await app.register(store)
    await app.register(audit)
    await app.register(revocations, { uptime })
    await app.register(sessionCookies)
    await app.register(signingKeys, { uptime })
    await app.register(accessTokens)
    await app.register(crossSite)
    await app.register(guard)
    await app.register(requestCaller)
    await app.register(profiles)

    await app.register(passwords)
    await app.register(sessions)
    await app.register(accounts)
    await app.register(oneTimeLinks)
    await app.register(administration)
    await app.register(clients, { uptime })
    await app.register(clientGuard)

    await app.register(openapi)
    await app.register(routes)
  } catch (error) {
    await app.close()
    throw error
  }
  return app
}

// One line a request, when it is answered.
class CompletionLog extends LogController {
  override incomingRequest(): void {}

  override requestCompleted(error: Error | null, request: FastifyRequest, reply: FastifyReply): void {
    const { method, ip } = request
    const took = Math.round(reply.elapsedTime * 10) / 10
    const line = { method, path: pathOf(request.url), status: reply.statusCode, ip, milliseconds: took }
    if (error) reply.log.error({ ...line, err: error }, 'reply failed')
    else reply.log.info(line, 'answered')
  }
}

// Neither headers nor query strings are logged: that is where credentials are.
function loggerOptions({ LOG_LEVEL }: Config): FastifyServerOptions['logger'] {
  return {
    level: LOG_LEVEL,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    serializers: {
      req: ({ method, url, ip }) => ({ method, path: pathOf(url), ip }),
      res: ({ statusCode }) => ({ statusCode })
    }
  }
}

function pathOf(url: string): string {
  return url.split('?', 1)[0] as string
}
