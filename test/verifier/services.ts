import { once } from 'node:events'
import { createServer, type RequestListener, type ServerResponse, request as send } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import Fastify from 'fastify'
import createGuard, { type GuardedMessage, type Middleware } from '../../verifier/express.ts'
import guardPlugin from '../../verifier/fastify.ts'
import type { GuardOptions } from '../../verifier/index.ts'
import type { ServiceOptions } from '../../verifier/service.ts'
import type { Teardown } from '../harness/build.ts'

/** Paths of a service and what the guard of each asks. Each answers `{auth}`, whatever the method. */
export type Routes = Record<string, GuardOptions>

/** A service of somebody else's, guarded; its origin. */
type Serve = (t: Teardown, options: ServiceOptions, routes: Routes) => Promise<string>

type ErrorHandler = (
  error: Error,
  request: GuardedMessage,
  response: ServerResponse,
  next: () => void
) => void

export interface ExpressApp extends RequestListener {
  all(path: string, ...handlers: Middleware[]): void
  use(...handlers: Array<Middleware | ErrorHandler>): void
}

// It comes without types of its own.
const require = createRequire(import.meta.url)
export const express: () => ExpressApp = require('express')

export async function serve(t: Teardown, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export function answer({ auth }: GuardedMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ auth }))
}

const byFastify: Serve = async (t, options, routes) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(guardPlugin, options)
  for (const [path, guarded] of Object.entries(routes))
    app.all(path, { preHandler: app.guard(guarded) }, async ({ auth }) => ({ auth }))
  return app.listen({ host: '127.0.0.1', port: 0 })
}

const byExpress: Serve = async (t, options, routes) => {
  const guard = createGuard({ ...options, log: () => {} })
  t.teardown(() => guard.close())
  const app = express()
  for (const [path, guarded] of Object.entries(routes)) app.all(path, guard(guarded), answer)
  return serve(t, app)
}

const byNothing: Serve = async (t, options, routes) => {
  const guard = createGuard({ ...options, log: () => {} })
  t.teardown(() => guard.close())
  const guards = new Map(Object.entries(routes).map(([path, guarded]) => [path, guard(guarded)]))
  return serve(t, (request, response) => {
    guards.get(request.url ?? '')?.(request, response, () => answer(request, response))
  })
}

/** The same service by each of the frameworks. */
export const frameworks: Record<string, Serve> = {
  fastify: byFastify,
  express: byExpress,
  'node:http': byNothing
}

/** A request with these headers and no others but `Host` and `Connection`. */
export async function call(
  origin: string,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET'
) {
  const request = send(`${origin}${path}`, { method, headers }).end()
  const [response] = await once(request, 'response')
  const body = await text(response)
  return {
    status: response.statusCode as number,
    headers: response.headers as Record<string, string>,
    body: body === '' ? undefined : JSON.parse(body)
  }
}
