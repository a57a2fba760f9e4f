import type { FastifyInstance, preHandlerHookHandler, RouteOptions } from 'fastify'
import { isClientGuard } from '../plugins/client-guard.ts'
import { isGuard } from '../plugins/guard.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route is open to all callers, without a guard. */
    public?: boolean
    /** Whether the route is for machine clients, which authenticate at the route itself. */
    byClient?: boolean
  }
}

/**
 * Checks each route in this scope: it has a guard or `config.public`, declares its replies, and describes itself to client
 * generators. Answers 401 before the faults that the schema finds. Throws at the start if a route breaks this.
 */
export function holdConventions(fastify: FastifyInstance): void {
  fastify.addHook('onRoute', (route) => {
    const hooks = [route.preHandler ?? []].flat()
    const byClient = hooks.some(isClientGuard)
    const guarded = byClient || hooks.some(isGuard)
    if (guarded === (route.config?.public ?? false)) {
      throw new Error(`${route.method} ${route.url} must have a guard, or config.public, and not both`)
    }
    if (!declaresReplies(route)) throw new Error(`${route.method} ${route.url} must declare its replies`)
    if (!isDescribed(route)) {
      throw new Error(`${route.method} ${route.url} must have operationId, summary, tags and problems`)
    }
    if (guarded) {
      route.attachValidation = true
      route.config = { ...route.config, byClient }
      route.preHandler = [...hooks, ...(byClient ? [] : [fastify.noteReceipt]), refuseInvalid]
    }
  })
}

function declaresReplies({ schema }: RouteOptions): boolean {
  return Object.keys(schema?.response ?? {}).some((status) => status.startsWith('2'))
}

// What a client generator needs. Hidden routes are not in the API reference.
function isDescribed({ schema = {} }: RouteOptions): boolean {
  const { hide, operationId, summary, tags = [], problems, oauthErrors } = schema
  return Boolean(hide || (operationId && summary && tags.length > 0 && (problems ?? oauthErrors)))
}

const refuseInvalid: preHandlerHookHandler = (request, _reply, done) => {
  done(request.validationError)
}
