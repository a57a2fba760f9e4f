/**
 * Type tests of what services see of the verifier. `npm run typecheck` is the test run: each line below must compile, and
 * each `@ts-expect-error` must mark an error.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ManagementScope } from '../../domain/roles/scopes.ts'
import createGuard, { authOf as authOfMessage, type GuardedMessage } from '../../verifier/express.ts'
import guard, { authOf } from '../../verifier/fastify.ts'
import {
  type Auth,
  createTokenSource,
  createVerifier,
  Refusal,
  type RefusalCode,
  type VerifierOptions
} from '../../verifier/index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const expectEqual = <A, B>(_equal: Equal<A, B>): void => {}

declare const app: FastifyInstance
declare const options: VerifierOptions
const unfollowed = { issuer: 'https://auth.example.com', audience: 'orders', revocations: 'none' } as const

export function fastifyRoutes(): void {
  app.register(guard, unfollowed)
  // @ts-expect-error: the service must say how it learns of revocations.
  app.register(guard, { issuer: 'https://auth.example.com', audience: 'orders' })

  app.get('/orders', { preHandler: app.guard({ scope: 'orders:read' }) }, async (request) => {
    expectEqual<typeof request.auth, Auth | null>(true)
    // @ts-expect-error: `auth` is null on a route without a guard.
    request.auth.subject
    return authOf(request).subject
  })
  app.get('/mine', { preHandler: app.guard({ optional: true }) }, async ({ auth }) => auth?.subject ?? null)
  app.get<{ Params: { id: string } }>('/orders/:id', { preHandler: app.guard() }, async (request) => {
    expectEqual<typeof request.params.id, string>(true)
    return authOf(request).claims.jti
  })
}

export function guardOptions(): void {
  app.guard({
    roles: ['buyer'],
    anyRole: ['clerk'],
    fresh: '10m',
    kind: 'user',
    from: 'cookie',
    direct: true
  })
  app.guard({ fresh: 600_000 })
  // @ts-expect-error: a misspelt option.
  app.guard({ role: 'buyer' })
  // @ts-expect-error: tokens come from the cookie or from the header.
  app.guard({ from: 'body' })
  // @ts-expect-error: a scope is one text, separated by spaces.
  app.guard({ scope: ['orders:read'] })
}

export function scopes(scope: string): void {
  app.guard({ scope })
  app.guard({ scope: 'orders:read orders:write' })
  app.guard<ManagementScope>({ scope: 'users:read' })
  // @ts-expect-error: Gatehouse has no such permission.
  app.guard<ManagementScope>({ scope: 'user:read' })

  type ShopScope = 'orders:read' | 'orders:write'
  createGuard(unfollowed)<ShopScope>({ scope: 'orders:write' })
  // @ts-expect-error: the shop has no such permission.
  createGuard(unfollowed)<ShopScope>({ scope: 'orders:delete' })
}

/** The request of `@types/express`, as far as a guard sees it. */
interface ExpressRequest extends IncomingMessage, Express.Request {
  params: Record<string, string>
}
type ExpressHandler = (request: ExpressRequest, response: ServerResponse, next: () => void) => void

export function expressRoutes(request: ExpressRequest, message: GuardedMessage): void {
  const admit: ExpressHandler = createGuard(unfollowed)({ scope: 'orders:read' })
  admit(request, {} as ServerResponse, () => {})
  expectEqual<typeof request.auth, Auth | null | undefined>(true)
  expectEqual<ReturnType<typeof authOfMessage>, Auth>(true)
  authOfMessage(request).subject
  authOfMessage(message).subject
  // @ts-expect-error: `auth` is undefined before a guard has run.
  request.auth.subject
  // @ts-expect-error: such a request has no `auth`.
  authOfMessage('ada')
  createGuard(unfollowed).close()
}

export async function withoutFramework(request: FastifyRequest): Promise<void> {
  const verifier = createVerifier(options)
  expectEqual<Awaited<ReturnType<typeof verifier.verify>>, Auth>(true)
  expectEqual<ReturnType<typeof verifier.verifyNow>, Auth | undefined>(true)
  const { code, status, headers } = new Refusal('forbidden')
  expectEqual<typeof code, RefusalCode>(true)
  expectEqual<typeof status, number>(true)
  expectEqual<typeof headers, Record<string, string>>(true)
  // @ts-expect-error: the codes are a closed list.
  new Refusal('forbiden')
  // @ts-expect-error: Gatehouse signs by no shared secret.
  createVerifier({ ...unfollowed, algorithms: ['HS256'] })
  // @ts-expect-error: `none`, or how the service follows.
  createVerifier({ ...unfollowed, revocations: 'some' })

  const token = createTokenSource({ issuer: 'https://auth.example.com', clientId: 'a', clientSecret: 'b' })
  expectEqual<Awaited<ReturnType<typeof token>>, string>(true)
  createVerifier({ ...unfollowed, revocations: { token, whenLost: 'open' } })
  // @ts-expect-error: only a request that a guard has seen has `auth`.
  authOf(verifier)
  authOf(request)
}
