import type { FastifyInstance, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { type CredentialForm, readClientCredentials } from '../domain/clients/credentials.ts'
import { RepeatedFailures } from '../domain/clients/repeated-failures.ts'
import { auditEvent } from '../domain/model/audit.ts'
import type { Client } from '../domain/model/client.ts'
import { OAuthError } from '../domain/oauth/errors.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** A `preHandler` that authenticates a machine client, and sets `request.client`. */
    clientGuard: preHandlerAsyncHookHandler
  }
  interface FastifyRequest {
    client: Client
  }
}

const guards = new WeakSet<object>()

/** Tells whether this hook is a client guard. */
export function isClientGuard(hook: unknown): boolean {
  return typeof hook === 'function' && guards.has(hook)
}

/** Decorates `clientGuard` and `request.client` (RFC 6749 §2.3). A failure counts against the sign-in limit of its address. */
export default fp(
  async (fastify) => {
    fastify.decorateRequest('client', null as unknown as Client)

    const failures = new RepeatedFailures(fastify.clock)
    const clientGuard: preHandlerAsyncHookHandler = async (request) => {
      try {
        const form = (request.body ?? {}) as CredentialForm
        const credentials = readClientCredentials(request.headers.authorization, form)
        request.client = await fastify.clients.authenticate(credentials, request.routeOptions.url ?? '')
      } catch (error) {
        if (error instanceof OAuthError && error.code === 'invalid_client') {
          await fastify.loginLimit.count(request)
          await noteFailure(fastify, request, failures)
        }
        throw error
      }
    }
    guards.add(clientGuard)
    fastify.decorate('clientGuard', clientGuard)
  },
  { name: 'client-guard', dependencies: ['store', 'clients', 'login-limit', 'request-caller'] }
)

// An attacker controls how often this happens, and must not control how fast the audit trail grows.
async function noteFailure(
  { store, clock }: FastifyInstance,
  request: FastifyRequest,
  failures: RepeatedFailures
): Promise<void> {
  const unwritten = failures.note(request.ip)
  if (unwritten === undefined) return
  const about = unwritten > 0 ? { detail: { unwritten } } : {}
  await store.audit.append(auditEvent('client.authentication_failed', request.caller(), clock(), about))
}
