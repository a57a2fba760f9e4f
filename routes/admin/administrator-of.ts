import type { FastifyRequest } from 'fastify'
import type { Administrator } from '../../domain/roles/authority.ts'
import { authOf } from '../../verifier/authorization.ts'

/** Returns the caller as the rules of administration need it. Throws an Error if no guard has admitted the request. */
export function administratorOf(request: FastifyRequest): Administrator {
  return { caller: request.caller(), scope: authOf(request).scope }
}
