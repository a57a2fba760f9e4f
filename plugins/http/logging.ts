import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import type { PinoLoggerOptions } from 'fastify/types/logger.js'
import pretty from 'pino-pretty'
import type { Config } from '../../domain/settings/config.ts'

/** Codes of errors whose text quotes the caller: Fastify's quote the URL, PostgreSQL's class 22 a value. */
const QUOTING = /^(FST_|22)/

/**
 * Returns the options of the log: one line of JSON per event. The log contains nothing that a caller wrote: no headers, bodies
 * or query strings. The route replaces the path. The text of an error is left out if the library quotes its input there.
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

/** Returns the stream that makes lines of the log readable on a terminal; undefined without a terminal. */
export function terminalStream(): NodeJS.WritableStream | undefined {
  if (!process.stdout.isTTY) return undefined
  return pretty({ translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname', singleLine: true })
}

interface LoggedError {
  type: string
  code?: string
  message: string
  stack: string
  cause?: LoggedError
  [more: string]: unknown
}

/** A log controller that writes one line per request, when it is answered. */
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

// Leaves out an error's other fields: database drivers put rows into them, Valkey clients passwords.
function describeError(error: Error & { code?: unknown }): LoggedError {
  const { name, code, message, stack = '', cause } = error
  // A syntax error quotes the JSON that the parser rejected.
  const isQuoting = QUOTING.test(String(code)) || name === 'SyntaxError'
  return {
    type: name,
    ...(typeof code === 'string' && { code }),
    message: isQuoting ? '' : message,
    stack: stack.match(/^ {4}at .*/gm)?.join('\n') ?? '',
    ...(cause instanceof Error && { cause: describeError(cause) })
  }
}
