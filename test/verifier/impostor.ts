import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Teardown } from '../harness/build.ts'
import { createKey, type Json, type TestKey } from './tokens.ts'

export type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A server in Gatehouse's place that answers as a test wants it to. */
export interface Impostor {
  issuer: string
  /** What the JWKS shows at first, alone. */
  key: TestKey
  jwks: Handler
  feed: Handler
  /** Path and query of every request so far. */
  requests: string[]
  /** The bearer tokens that the feed was asked with. */
  bearers: Array<string | undefined>
  /** How often the JWKS was asked for. */
  fetches(): number
  /** A good token of a person's, signed by `key`. */
  token(changes?: Json): string
}

export async function impersonate(t: Teardown, port = 0): Promise<Impostor> {
  const key = createKey('good')
  const server = createServer((request, response) => {
    impostor.requests.push(request.url ?? '')
    if (request.url === '/.well-known/jwks.json') return impostor.jwks(request, response)
    impostor.bearers.push(request.headers.authorization)
    impostor.feed(request, response)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const impostor: Impostor = {
    issuer,
    key,
    jwks: json({ keys: [key.jwk] }),
    feed: json({ entries: [], cursor: 'start' }),
    requests: [],
    bearers: [],
    fetches: () => impostor.requests.filter((url) => url.endsWith('/jwks.json')).length,
    token: (changes) => key.sign(person(issuer, changes))
  }
  return impostor
}

/** The claims of a person's token. */
export function person(issuer: string, changes: Json = {}): Json {
  const now = Math.floor(Date.now() / 1000)
  const ids = { iss: issuer, aud: issuer, sub: 'ada', sid: 'session', jti: 'token' }
  const times = { iat: now, exp: now + 300, auth_time: now }
  return { ...ids, ...times, roles: ['user'], scope: '', ver: 1, ...changes }
}

export function json(body: unknown, status = 200): Handler {
  return text(JSON.stringify(body), status)
}

export function text(body: string, status = 200): Handler {
  return (_request, response) => response.writeHead(status, { 'content-type': 'application/json' }).end(body)
}

/** Takes the request and never answers. */
export const hang: Handler = () => {}

export const hangUp: Handler = (request) => request.socket.destroy()

/** Begins an answer and never ends it. */
export const trickle: Handler = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).write('{"keys":[')
}

export function redirect(location: string): Handler {
  return (_request, response) => response.writeHead(302, { location }).end()
}
