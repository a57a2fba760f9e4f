import type { FastifyError, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { OAuthError, oauthCodeOf } from '../../domain/oauth/errors.ts'
import { logRefusal, toProblem } from '../../plugins/http/errors.ts'
import { FORM } from '../../schemas/oauth.ts'
import { registerAll } from '../register-all.ts'
import introspect from './introspect.ts'
import revoke from './revoke.ts'
import token from './token.ts'

/** Serves the endpoints that take forms, and answer with OAuth's errors (RFC 6749 §3.2, §5.2). */
const formEndpoints: FastifyPluginAsync = async (fastify) => {
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser(FORM, { parseAs: 'string' }, async (_request: FastifyRequest, body: string) =>
    parseForm(body)
  )
  fastify.setErrorHandler<FastifyError>((error, request, reply) =>
    sendOAuthError(toOAuthError(error), request, reply)
  )

  await registerAll(fastify, [token, introspect, revoke])
}

/** Reads a form. Ignores parameters without a value, and refuses one that occurs twice (RFC 6749 §3.2). */
function parseForm(body: string): Record<string, string> {
  const form = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(body)) {
    if (form.has(name)) throw new OAuthError('invalid_request', 'A parameter is there more than once.')
    form.set(name, value)
  }
  return Object.fromEntries([...form].filter(([, value]) => value !== ''))
}

interface OAuthReply {
  status: number
  error: string
  description: string
  retryAfter?: number | undefined
  cause: unknown
}

function toOAuthError(error: Error & Partial<FastifyError>): OAuthReply {
  if (error instanceof OAuthError) {
    const { status, code, message: description, cause } = error
    return { status, error: code, description, cause }
  }
  const { status, message, retryAfter, cause } = toProblem(error)
  if (error.statusCode === 415)
    return { status: 400, error: 'invalid_request', description: FORM_NEEDED, cause }
  return { status, error: oauthCodeOf(status), description: message, retryAfter, cause }
}

const FORM_NEEDED = `Send the parameters as ${FORM}.`

function sendOAuthError(
  { status, error, description, retryAfter, cause }: OAuthReply,
  request: FastifyRequest,
  reply: FastifyReply
): FastifyReply {
  const entry = { code: error, description, ip: request.ip, ...(cause !== undefined && { err: cause }) }
  logRefusal(entry, status, request)
  reply.code(status).type('application/json; charset=utf-8')
  if (status === 401) reply.header('www-authenticate', 'Basic realm="gatehouse"')
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter)
  return reply.serializer(JSON.stringify).send({ error, error_description: description })
}

export default formEndpoints
