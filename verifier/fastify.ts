import type { FastifyInstance, FastifyReply, FastifyRequest, preHandlerHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import type { Auth } from './authorization.ts'
import { createAdmission, type GuardSettings } from './guard.ts'
import type { GuardOptions } from './guard-options.ts'
import { Refusal } from './refusal.ts'
import { guardSettings, type ServiceOptions } from './service.ts'

export { authOf } from './authorization.ts'
export type { GuardOptions } from './guard-options.ts'

/** Answers a refused request. The error handler gets what it throws. */
export type OnRefusal = (refusal: Refusal, request: FastifyRequest, reply: FastifyReply) => void

export interface GuardPluginOptions extends ServiceOptions {
  /** Answers instead of the guard, which writes `application/problem+json` as Gatehouse does. */
  onRefusal?: OnRefusal
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Makes a `preHandler` that admits callers who meet the options, and sets `request.auth`. */
    guard<Scope extends string = string>(options?: GuardOptions<Scope>): preHandlerHookHandler
  }
  interface FastifyRequest {
    /** Who makes the request; null before a guard has run, and if an `optional` one found no token. */
    auth: Auth | null
  }
}

/** Decorates `guard(options)` and `request.auth`, for tokens of the Gatehouse at `issuer`. */
export default fp<GuardPluginOptions>(
  async (fastify, { onRefusal = reply, onWarning, ...options }) => {
    const warn = (warning: Error) => fastify.log.warn({ err: warning }, warning.message)
    const settings = guardSettings({ ...options, onWarning: onWarning ?? warn })
    fastify.addHook('onClose', async () => settings.verifier.close())
    await settings.verifier.ready()
    decorateGuard(fastify, settings, (refusal, request, reply) => {
      const { code, subject, reason } = refusal
      request.log.info({ code, subject, reason }, 'refused')
      onRefusal(refusal, request, reply)
    })
  },
  { name: '@gatehouse/verifier', fastify: '5.x' }
)

/** Decorates `guard` and `request.auth` over a given verifier. Gatehouse guards its own routes by it. */
export function decorateGuard(fastify: FastifyInstance, settings: GuardSettings, onRefusal: OnRefusal): void {
  fastify.decorateRequest('auth', null)
  fastify.decorate('guard', (options) => guardOf(settings, options, onRefusal))
}

const guards = new WeakMap<object, GuardOptions>()

/** Tells whether this hook is a guard. A service can refuse to start if a route has none. */
export function isGuard(hook: unknown): boolean {
  return guardOptionsOf(hook) !== undefined
}

/** Returns the options of a guard, so that a service can describe its API; undefined if this hook is no guard. */
export function guardOptionsOf(hook: unknown): GuardOptions | undefined {
  return typeof hook === 'function' ? guards.get(hook) : undefined
}

/** Makes a guard over the given settings, as a `preHandler`. */
export function guardOf(
  settings: GuardSettings,
  options: GuardOptions = {},
  onRefusal: OnRefusal
): preHandlerHookHandler {
  const admit = createAdmission(settings, options)

  // Admits a cached token without a promise: this is the hot path.
  const guard: preHandlerHookHandler = (request, reply, done) => {
    let admitted: ReturnType<typeof admit>
    try {
      admitted = admit(request)
    } catch (error) {
      return refuse(error, request, reply, done)
    }
    if (admitted instanceof Promise) {
      admitted.then(
        (auth) => enter(auth, request, done),
        (error) => refuse(error, request, reply, done)
      )
      return
    }
    // Outside of the `try`, so that the guard does not answer errors of later hooks.
    enter(admitted, request, done)
  }

  function refuse(
    error: unknown,
    request: FastifyRequest,
    reply: FastifyReply,
    done: (error?: Error) => void
  ): void {
    try {
      if (!(error instanceof Refusal)) throw error
      onRefusal(error, request, reply)
    } catch (thrown) {
      done(thrown as Error)
    }
  }

  guards.set(guard, options)
  return guard
}

function enter(auth: Auth | null, request: FastifyRequest, done: () => void): void {
  request.auth = auth
  done()
}

function reply(refusal: Refusal, request: FastifyRequest, reply: FastifyReply): void {
  // A serializer set here overrides the route's schema, which could cut the body.
  reply
    .code(refusal.status)
    .headers(refusal.headers)
    .serializer(JSON.stringify)
    .send(refusal.body(request.id))
}
