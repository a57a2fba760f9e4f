import cors from '@fastify/cors'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../../domain/errors.ts'
import { csrfTokenOf, isCsrfTokenOf } from '../../domain/sessions/csrf-token.ts'
import { isOrigin } from '../../domain/settings/origins.ts'
import { carriesBearer } from '../../verifier/credentials.ts'
import { comesFromHere, isSafeMethod, namesItsSite } from '../../verifier/cross-site.ts'

const PREFLIGHT_MAX_AGE = 600
const ALLOWED_HEADERS = [
  'authorization',
  'content-type',
  'x-csrf-token',
  // Browser libraries for tracing, and older HTTP libraries, add these to every call.
  'traceparent',
  'tracestate',
  'baggage',
  'sentry-trace',
  'x-requested-with'
]

declare module 'fastify' {
  interface FastifyInstance {
    csrfTokenFor(sessionId: string): string
  }
}

/**
 * Refuses cross-site requests with unsafe methods. A request passes if the browser says that it is same-origin (Fetch Metadata)
 * or from an allowed origin. A client that sends neither header, but a cookie, needs the session's CSRF token. A bearer token
 * or a machine client's credential needs none. Decorates `csrfTokenFor`.
 */
export default fp(
  async (fastify) => {
    const { config, derivedKeys } = fastify
    const allowed = new Set([config.AUTH_ISSUER, ...config.AUTH_ALLOWED_ORIGINS])

    // Before CORS, which answers preflight requests.
    fastify.addHook('onRequest', async (request) => noteOrigin(request, allowed))

    if (config.AUTH_ALLOWED_ORIGINS.length > 0) {
      await fastify.register(cors, {
        origin: config.AUTH_ALLOWED_ORIGINS,
        credentials: true,
        methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
        allowedHeaders: [...ALLOWED_HEADERS, ...config.AUTH_CORS_HEADERS],
        exposedHeaders: ['retry-after', 'x-request-id'],
        maxAge: PREFLIGHT_MAX_AGE,
        strictPreflight: false
      })
    }

    fastify.decorate('csrfTokenFor', (sessionId) => csrfTokenOf(sessionId, derivedKeys.csrfToken.current))

    fastify.addHook('onRequest', async (request) => {
      const { method, headers, routeOptions } = request
      if (isSafeMethod(method) || carriesBearer(headers)) return
      if (routeOptions.config.byClient && headers.authorization !== undefined) return
      const passes = namesItsSite(headers) ? comesFromHere(headers, allowed) : hasCsrfToken(fastify, request)
      if (!passes) throw new Problem('cross_site_request', { cause: new Error(reasonOf(headers)) })
    })
  },
  { name: 'cross-site', dependencies: ['config', 'derived-keys', 'session-cookies'] }
)

// The browser hides the reply from a page of another origin, and does not say why.
function noteOrigin({ method, headers, log }: FastifyRequest, allowed: ReadonlySet<string>): void {
  if (isSafeMethod(method) && headers.origin !== undefined && !comesFromHere(headers, allowed))
    log.info(reasonOf(headers))
}

function reasonOf({ origin }: FastifyRequest['headers']): string {
  if (origin === undefined) return 'the request has neither an origin that is allowed nor a CSRF token'
  // A caller can write anything there, and the log repeats nothing but an origin.
  const named = isOrigin(origin) ? origin : 'that it names'
  return `the origin ${named} is not allowed: AUTH_ALLOWED_ORIGINS does not contain it`
}

// Without a session cookie, the request uses no user's authority.
function hasCsrfToken(fastify: FastifyInstance, request: FastifyRequest): boolean {
  const { access, refresh, session } = fastify.sessionCookies.read(request)
  if ([access, refresh, session].every((values) => values.length === 0)) return true
  const token = request.headers['x-csrf-token']
  const binding = fastify.sessionCookies.bindingOf(request)
  if (typeof token !== 'string' || !binding) return false
  return isCsrfTokenOf(binding.sessionId, token, fastify.derivedKeys.csrfToken.accepted)
}
