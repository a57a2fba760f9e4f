import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyReply, FastifyRequest, FastifySchemaValidationError } from 'fastify'
import fp from 'fastify-plugin'
import { type FieldError, Problem, type ProblemCode, problems } from '../../domain/errors.ts'
import { uuidv7 } from '../../domain/id.ts'
import { Refusal } from '../../verifier/refusal.ts'

const BY_FASTIFY_CODE: Record<string, ProblemCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_MAX_PARAM_LENGTH: 'uri_too_long',
  FST_ERR_NOT_FOUND: 'not_found',
  FST_ERR_REOPENED_CLOSE_SERVER: 'unavailable'
}

/** The body of every problem reply (RFC 9457). */
export interface ProblemBody {
  type: string
  title: string
  status: number
  code: ProblemCode
  detail?: string
  requestId: string
  errors?: FieldError[]
}

declare module 'fastify' {
  interface FastifyReply {
    /** The code of the problem, if this reply is one. */
    problemCode: ProblemCode | undefined
  }
}

/** Handles all errors: the caller gets a problem, only the log gets the cause. */
export default fp(
  async (fastify) => {
    fastify.decorateReply('problemCode', undefined)
    fastify.setErrorHandler<FastifyError>((error, request, reply) =>
      sendProblem(toProblem(error), request, reply)
    )
  },
  { name: 'errors' }
)

/** Sends a problem as the reply. Exported for Fastify's errors outside of any route, which reach no error handler. */
export function sendProblem(problem: Problem, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  logProblem(problem, request)
  reply.problemCode = problem.code
  request.server.instruments?.refusals.inc({ code: problem.code })
  reply.code(problem.status).type('application/problem+json; charset=utf-8')
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer')
  if (problem.retryAfter !== undefined) reply.header('retry-after', problem.retryAfter)
  return reply.serializer(JSON.stringify).send(problemBody(problem, request.id))
}

const BY_PARSER_CODE: Record<string, ProblemCode> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout'
}

/** Answers what Node cannot parse as HTTP, and closes the connection: there is no request to reply to. */
export function refuseConnection(
  error: Error & { code?: string },
  socket: Socket,
  headers: Record<string, string>
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return
  const { status, fields, body } = bareReply(BY_PARSER_CODE[error.code ?? ''] ?? 'invalid_request', headers)
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n`
  socket.end(`${head}${body}`, () => socket.destroy())
}

/** Answers an unsupported `Expect` (RFC 9110 §10.1.1): Node's own answer has neither a body nor our headers. */
export function refuseExpectation(response: ServerResponse, headers: Record<string, string>): void {
  const { status, fields, body } = bareReply('expectation_failed', headers)
  response.writeHead(status, fields).end(body)
}

// No hook sees these replies. They close the connection, because an unread body may follow on it.
function bareReply(code: ProblemCode, headers: Record<string, string>) {
  const problem = new Problem(code)
  const requestId = uuidv7()
  const body = JSON.stringify(problemBody(problem, requestId))
  const fields = {
    ...headers,
    'x-request-id': requestId,
    'content-type': 'application/problem+json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    connection: 'close'
  }
  return { status: problem.status, fields, body }
}

export function problemBody({ code, detail, errors }: Problem, requestId: string): ProblemBody {
  const { status, title } = problems[code]
  return {
    type: `urn:gatehouse:problem:${code}`,
    title,
    status,
    code,
    ...(detail !== undefined && { detail }),
    requestId,
    ...(errors !== undefined && { errors })
  }
}

/** Converts a thrown error to a Problem. An unexpected error becomes `internal_error`; the reply does not contain its text. */
export function toProblem(error: Error & Partial<FastifyError>): Problem {
  if (error instanceof Problem) return error
  if (error instanceof Refusal) return fromRefusal(error)
  if (error.validation) {
    return new Problem('invalid_request', { errors: fieldErrors(error.validation, error.validationContext) })
  }
  const known = BY_FASTIFY_CODE[error.code ?? '']
  if (known) return new Problem(known, { cause: error })
  const status = error.statusCode ?? 500
  if (status === 415) return new Problem('unsupported_media_type', { cause: error })
  if (status >= 400 && status < 500) return new Problem('invalid_request', { cause: error })
  return new Problem('internal_error', { cause: error })
}

function fromRefusal({ code, cause, subject }: Refusal): Problem {
  return new Problem(code, { cause, subject, ...(code === 'unavailable' && { retryAfter: 1 }) })
}

function fieldErrors(errors: FastifySchemaValidationError[], context: string | undefined): FieldError[] {
  // TypeBox reports an unknown field twice, and each branch of a union: keep one error per field.
  const told = errors.filter(({ keyword }) => keyword !== 'boolean')
  const all = told.flatMap(({ keyword, instancePath, params, message }) => {
    const names = namesOf(keyword, params)
    const detail = `${message ?? 'is not valid'}${context && context !== 'body' ? ` (${context})` : ''}`
    return names.map((name) => ({ pointer: `${instancePath}${name}`, code: keyword, detail }))
  })
  return [...new Map(all.reverse().map((error) => [error.pointer, error])).values()].reverse()
}

// TypeBox reports a missing or unknown field at its object: name the field.
function namesOf(keyword: string, params: Record<string, unknown>): string[] {
  const list = keyword === 'required' ? params.requiredProperties : params.additionalProperties
  // An implausible field name is not repeated: the caller may have pasted a secret there.
  return Array.isArray(list) ? list.map((name) => (/^[\w.-]{1,64}$/.test(name) ? `/${name}` : '')) : ['']
}

function logProblem(problem: Problem, request: FastifyRequest): void {
  const entry = {
    code: problem.code,
    subject: request.auth?.subject ?? problem.subject,
    ip: request.ip,
    ...(problem.cause !== undefined && { err: problem.cause })
  }
  logRefusal(entry, problem.status, request)
}

/** Logs one line per refusal. Statuses above 500 are warnings: under load or without the database, they come by the thousand. */
export function logRefusal(entry: object, status: number, { log }: FastifyRequest): void {
  if (status === 500) log.error(entry, 'failed')
  else if (status > 500) log.warn(entry, 'failed')
  else log.info(entry, 'refused')
}
