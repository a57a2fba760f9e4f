import type { FastifyRequest } from 'fastify'
import type { Administrator } from '../../domain/roles/authority.ts'
import { authOf } from '../../verifier/authorization.ts'

/** The caller as the administration's rules see one. */
export function administratorOf(request: FastifyRequest): Administrator {
  return { caller: request.caller(), scope: authOf(request).scope }
}
