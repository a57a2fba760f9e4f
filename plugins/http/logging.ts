import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import type { PinoLoggerOptions } from 'fastify/types/logger.js'
import type { Config } from '../../domain/settings/config.ts'

/** Codes of errors whose text quotes what a caller wrote: Fastify's quote the address, PostgreSQL's class 22 a value. */
const QUOTING = /^(FST_|22)/

/**
 * The log: JSON, a line an event. What a caller wrote is not in it: neither headers, bodies and query strings, nor the path,
 * for which the route stands; nor an error's text where a library quotes in it what it was given.
 */
export function loggerOptions({ LOG_LEVEL }: Config): PinoLoggerOptions {
  return {
    level: LOG_LEVEL,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    serializers: {
      req: ({ method, ip, routeOptions }) => ({ method, route: routeOptions.url, ip }),
      res: ({ statusCode }) => ({ statusCode }),
      err: describeError
    }
  }
}

interface LoggedError {
  type: string
  code?: string
  message: string
  stack: string
  cause?: LoggedError
  [more: string]: unknown
}

/** One line a request, when it is answered. */
export class CompletionLog extends LogController {
  override incomingRequest(): void {}

  override requestCompleted(error: Error | null, request: FastifyRequest, reply: FastifyReply): void {
    const { method, ip, routeOptions } = request
    const milliseconds = Math.round(reply.elapsedTime * 10) / 10
    const line = { method, route: routeOptions.url, status: reply.statusCode, ip, milliseconds }
    if (error) reply.log.error({ ...line, err: error }, 'reply failed')
    else reply.log.info(line, 'answered')
  }
}

// An error's other fields are left out: database drivers put rows into them, and clients of Valkey passwords.
function describeError(error: Error & { code?: unknown }): LoggedError {
  const { name, code, message, stack = '', cause } = error
  // A syntax error quotes the JSON that it was found in.
  const isQuoting = QUOTING.test(String(code)) || name === 'SyntaxError'
  return {
    type: name,
    ...(typeof code === 'string' && { code }),
    message: isQuoting ? '' : message,
    stack: stack.match(/^ {4}at .*/gm)?.join('\n') ?? '',
    ...(cause instanceof Error && { cause: describeError(cause) })
  }
}
