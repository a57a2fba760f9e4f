import { STATUS_CODES } from 'node:http'
import type { RouteOptions } from 'fastify'
import type { Operation, Reply } from './document.ts'
import { refusalsOf } from './refusals.ts'
import { securityOf } from './security.ts'

/** Adds to an operation what its route's hooks enforce: security, requirements and refusals. */
export function describeOperation(operation: Operation, route: RouteOptions, secure: boolean): void {
  const { security, requirements } = securityOf(route)
  operation.security = security
  const description = [operation.description ?? [], requirements].flat().join('\n\n')
  if (description !== '') operation.description = description
  operation.responses = { ...successesOf(operation), ...refusalsOf(route, secure) }
}

function successesOf({ responses }: Operation): Record<string, Reply> {
  const successes = Object.entries(responses).filter(([status]) => Number(status) < 400)
  return Object.fromEntries(
    successes.map(([status, { description, content }]) => [
      status,
      {
        description: description === 'Default Response' ? (STATUS_CODES[status] ?? '') : description,
        ...(content && { content })
      }
    ])
  )
}
