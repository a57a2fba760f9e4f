import type { RouteOptions } from 'fastify'
import { isClientGuard } from '../client-guard.ts'
import { describeGuard, type GuardDescription } from '../guard.ts'
import type { SessionCookies } from '../http/session-cookies.ts'
import type { Security } from './document.ts'

/** Makes the security schemes, with the names that the cookies have here. */
export function securitySchemes({ access, refresh, session }: SessionCookies['names']) {
  const cookie = (name: string, description: string) =>
    ({ type: 'apiKey', in: 'cookie', name, description }) as const
  return {
    cookie: cookie(access, 'The access token of a browser. It counts only with the cookie `session`.'),
    session: cookie(session, 'Binds the browser to its session. Alone, it permits nothing.'),
    refresh: cookie(refresh, 'Replaces the access token.'),
    bearer: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description: 'An access token, usually of a machine client.'
    },
    client: {
      type: 'http',
      scheme: 'basic',
      description: 'Or in the form: RFC 6749 §2.3.1, RFC 7523 §2.2'
    }
  } as const
}

/** Returns how a caller of this route authenticates, and what else its guard requires, in sentences. */
export function securityOf({ preHandler, schema }: RouteOptions): {
  security: Security
  requirements: string[]
} {
  const guard = guardOf(preHandler)
  if (guard) return { security: waysPast(guard), requirements: requirementsOf(guard) }
  const byClient = [preHandler].flat().some(isClientGuard)
  return { security: byClient ? [{ client: [] }] : (schema?.security ?? []), requirements: [] }
}

/** Returns the guard among the hooks of a route, if there is one. */
export function guardOf(preHandler: RouteOptions['preHandler']): GuardDescription | undefined {
  return [preHandler]
    .flat()
    .map(describeGuard)
    .find((guard) => guard !== undefined)
}

function waysPast({ options, bearer }: GuardDescription): Security {
  const scope = options.scope?.split(' ') ?? []
  const byCookie = { cookie: scope, session: [] }
  return bearer === 'none' ? [byCookie] : [byCookie, { bearer: scope }]
}

function requirementsOf({ options, bearer }: GuardDescription): string[] {
  const scope = options.scope?.split(' ').map((token) => `\`${token}\``)
  return [
    ...(scope ? [`Needs the scope ${scope.join(', ')}.`] : []),
    ...(options.fresh ? ['Needs a recent sign-in of a person (`AUTH_FRESH_TTL`).'] : []),
    ...(bearer === 'clients' ? ['A bearer token must be of a machine client.'] : [])
  ]
}
