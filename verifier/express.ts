import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Auth } from './authorization.ts'
import { createAdmission } from './guard.ts'
import type { GuardOptions } from './guard-options.ts'
import { Refusal } from './refusal.ts'
import { guardSettings, type ServiceOptions } from './service.ts'

export { authOf } from './authorization.ts'
export type { GuardOptions } from './guard-options.ts'

declare global {
  namespace Express {
    /** The request of `@types/express`, for services that have it. */
    interface Request {
      /** Who makes the request; null if an `optional` guard found no token, undefined before a guard has run. */
      auth?: Auth | null
    }
  }
}

/** A request as a guard leaves it. */
export interface GuardedMessage extends IncomingMessage {
  /** Who makes the request; null if an `optional` guard found no token, undefined before a guard has run. */
  auth?: Auth | null
}

/** A middleware of Express, of Connect, or of any server that calls `(request, response, next)`. */
export type Middleware = (
  request: GuardedMessage,
  response: ServerResponse,
  next: (error?: unknown) => void
) => void

export interface MiddlewareOptions extends ServiceOptions {
  /** Answers instead of the guard, which writes `application/problem+json` as Gatehouse does. */
  onRefusal?: (
    refusal: Refusal,
    request: IncomingMessage,
    response: ServerResponse,
    next: (error?: unknown) => void
  ) => void
  /** Receives one line for each refused token, which says why and does not contain the token; `console.warn` by default. */
  log?: (line: string) => void
}

export interface MiddlewareGuard {
  /** Makes a middleware that admits callers who meet the options, and sets `request.auth`. */
  <Scope extends string = string>(options?: GuardOptions<Scope>): Middleware
  /** Stops following Gatehouse. */
  close(): void
}

/** Makes guards for tokens of the Gatehouse at `issuer`. Throws a TypeError for invalid options. */
export default function createGuard({
  onRefusal = reply,
  log = warn,
  ...options
}: MiddlewareOptions): MiddlewareGuard {
  const settings = guardSettings(options)

  function refuse(error: unknown, ...[request, response, next]: Parameters<Middleware>): void {
    try {
      if (!(error instanceof Refusal)) throw error
      if (error.reason !== undefined) log(lineOf(error))
      onRefusal(error, request, response, next)
    } catch (thrown) {
      next(thrown)
    }
  }

  const guard = (guardOptions?: GuardOptions): Middleware => {
    const admit = createAdmission(settings, guardOptions)
    return async (request, response, next) => {
      try {
        request.auth = await admit(request)
      } catch (error) {
        return refuse(error, request, response, next)
      }
      next()
    }
  }
  return Object.assign(guard, { close: () => settings.verifier.close() })
}

function lineOf({ status, code, subject, reason }: Refusal): string {
  const who = subject === undefined ? '' : ` to ${subject}`
  return `@gatehouse/verifier: ${status} ${code}${who}: ${reason}`
}

function warn(line: string): void {
  // biome-ignore lint/suspicious/noConsole: this is the log of a service that has no other.
  console.warn(line)
}

function reply(refusal: Refusal, _request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(refusal.status, refusal.headers).end(JSON.stringify(refusal.body()))
}
